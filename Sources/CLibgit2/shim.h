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
/* libgit2 1.8 moved the functions that set and clear errors. */
#if __has_include(<git2/sys/errors.h>)
#include <git2/sys/errors.h>
#endif

#if LIBGIT2_VER_MAJOR != 1 || LIBGIT2_VER_MINOR < 5
#error "kdops needs libgit2 1.5 or a later 1.x"
#endif

/*
 * The stream of a connection that kdops makes and libgit2's transports use.
 *
 * The SSH transport of libgit2 1.5 to 1.9 reads the descriptor from the fourth member of its own, private type of stream;
 * no header declares it. `SocketLayout` checks at run time that the descriptor is found here. Were it read from another
 * place, it would be one of the members `beyond`, which are -1, and no other file of this process.
 */
typedef struct {
  git_stream parent;
  char *host;
  char *port;
  int descriptor;
  int beyond[15];
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

/* The functions by which libgit2 allocates. Since 1.7 it takes only three of them and derives the others. */
typedef struct {
  void *(*gmalloc)(size_t bytes, const char *file, int line);
  void *(*gcalloc)(size_t count, size_t size, const char *file, int line);
  char *(*gstrdup)(const char *text, const char *file, int line);
  char *(*gstrndup)(const char *text, size_t length, const char *file, int line);
  char *(*gsubstrdup)(const char *text, size_t length, const char *file, int line);
  void *(*grealloc)(void *old, size_t bytes, const char *file, int line);
  void *(*greallocarray)(void *old, size_t count, size_t size, const char *file, int line);
  void *(*gmallocarray)(size_t count, size_t size, const char *file, int line);
  void (*gfree)(void *memory);
} kdops_allocator;

/* Swift cannot call C functions with variable arguments, so each option that is set has a name here. */

static inline int kdops_set_cache_size(ssize_t bytes) {
  return git_libgit2_opts(GIT_OPT_SET_CACHE_MAX_SIZE, bytes);
}

static inline int kdops_set_allocator(const kdops_allocator *functions) {
  git_allocator allocator = {
    .gmalloc = functions->gmalloc,
    .grealloc = functions->grealloc,
    .gfree = functions->gfree,
#if LIBGIT2_VER_MINOR < 7
    .gcalloc = functions->gcalloc,
    .gstrdup = functions->gstrdup,
    .gstrndup = functions->gstrndup,
    .gsubstrdup = functions->gsubstrdup,
    .greallocarray = functions->greallocarray,
    .gmallocarray = functions->gmallocarray,
#endif
  };
  return git_libgit2_opts(GIT_OPT_SET_ALLOCATOR, &allocator);
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
