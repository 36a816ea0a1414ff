#ifndef KDOPS_CLIBGIT2_SHIM_H
#define KDOPS_CLIBGIT2_SHIM_H
#include <git2.h>
#include <git2/odb_backend.h>
#include <git2/sys/alloc.h>
#include <git2/sys/odb_backend.h>
#include <git2/sys/repository.h>
#include <git2/sys/stream.h>
/* The compression of git's packs. libgit2 itself depends on it. */
#include <zlib.h>

/*
 * A socket of ours under libgit2's transports.
 *
 * The first four members stand exactly as in libgit2's own (private) socket stream: its SSH transport
 * reads the descriptor from there. The last one is ours.
 */
typedef struct {
  git_stream parent;
  char *host;
  char *port;
  int descriptor;
  void *operation;
} kdops_socket_stream;

/* A part of an object store that only receives packs, and a pack that it receives. The last member of each
 * is ours. */
typedef struct {
  git_odb_backend parent;
  void *receiver;
} kdops_pack_backend;

typedef struct {
  git_odb_writepack parent;
  void *pack;
} kdops_pack_writer;

/* Swift cannot call C functions with variable arguments, so each option that is set has a name here. */

static inline int kdops_set_cache_size(ssize_t bytes) {
  return git_libgit2_opts(GIT_OPT_SET_CACHE_MAX_SIZE, bytes);
}

static inline int kdops_set_allocator(git_allocator *allocator) {
  return git_libgit2_opts(GIT_OPT_SET_ALLOCATOR, allocator);
}

static inline int kdops_set_pack_windows(size_t window, size_t all) {
  int code = git_libgit2_opts(GIT_OPT_SET_MWINDOW_SIZE, window);
  return code < 0 ? code : git_libgit2_opts(GIT_OPT_SET_MWINDOW_MAPPED_LIMIT, all);
}

static inline int kdops_set_user_agent(const char *agent) {
  return git_libgit2_opts(GIT_OPT_SET_USER_AGENT, agent);
}

static inline int kdops_set_strict_hash_verification(int enabled) {
  return git_libgit2_opts(GIT_OPT_ENABLE_STRICT_HASH_VERIFICATION, enabled);
}

static inline int kdops_set_owner_validation(int enabled) {
  return git_libgit2_opts(GIT_OPT_SET_OWNER_VALIDATION, enabled);
}

static inline int kdops_set_certificate_file(const char *file) {
  return git_libgit2_opts(GIT_OPT_SET_SSL_CERT_LOCATIONS, file, NULL);
}
#endif
