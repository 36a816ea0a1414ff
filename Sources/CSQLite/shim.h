#ifndef KDOPS_CSQLITE_SHIM_H
#define KDOPS_CSQLITE_SHIM_H
#include <sqlite3.h>

#if SQLITE_VERSION_NUMBER < 3035000
#error "kdops needs SQLite 3.35 or later"
#endif

/* Swift cannot import the macro SQLITE_TRANSIENT. With it SQLite copies the bytes. */
static inline int kdops_bind_text(sqlite3_stmt *statement, int index, const char *text, sqlite3_uint64 length) {
  return sqlite3_bind_text64(statement, index, text, length, SQLITE_TRANSIENT, SQLITE_UTF8);
}

static inline int kdops_bind_blob(sqlite3_stmt *statement, int index, const void *bytes, sqlite3_uint64 length) {
  return sqlite3_bind_blob64(statement, index, bytes, length, SQLITE_TRANSIENT);
}
#endif
