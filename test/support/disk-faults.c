// Loaded before a program, this makes its disk fail on command: calls that name or write files below DISK_FAULTS_DIR fail with an errno,
// from the n-th on. The command is a file of six 32-bit numbers (see disk-faults.ts), which is shared with whoever commands.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

enum { OPS_WRITE = 1, OPS_SYNC = 2, OPS_NAME = 4, OPS_OPEN = 8, OPS_READ = 16 };

struct command {
  uint32_t error;     // errno; 0: none
  uint32_t operations;
  uint32_t skip;      // so many calls succeed first
  uint32_t sticky;    // further ones fail as well
  uint32_t seen;      // calls that could have failed
  uint32_t failed;
};

static volatile struct command *command;
static const char *directory;
static size_t directory_length;

__attribute__((constructor)) static void load(void) {
  const char *file = getenv("DISK_FAULTS");
  directory = getenv("DISK_FAULTS_DIR");
  if (!file || !directory) return;
  directory_length = strlen(directory);
  int (*real)(const char *, int, ...) = dlsym(RTLD_NEXT, "open");
  int descriptor = real(file, O_RDWR | O_CLOEXEC);
  if (descriptor < 0) return;
  void *mapped = mmap(NULL, sizeof(struct command), PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0);
  close(descriptor);
  if (mapped != MAP_FAILED) command = mapped;
}

static int fails(uint32_t operation) {
  uint32_t error = command->error;
  if (!error || !(command->operations & operation)) return 0;
  uint32_t number = __atomic_fetch_add(&command->seen, 1, __ATOMIC_SEQ_CST);
  if (number < command->skip || (!command->sticky && number > command->skip)) return 0;
  __atomic_fetch_add(&command->failed, 1, __ATOMIC_SEQ_CST);
  errno = (int)error;
  return 1;
}

static int is_below(const char *path) {
  return path && strncmp(path, directory, directory_length) == 0;
}

static int fails_path(const char *path, uint32_t operation) {
  return command && command->error && is_below(path) && fails(operation);
}

static int fails_descriptor(int descriptor, uint32_t operation) {
  if (!command || !command->error || !(command->operations & operation)) return 0;
  char link[64], path[PATH_MAX];
  snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
  ssize_t length = readlink(link, path, sizeof path - 1);
  if (length <= 0) return 0;
  path[length] = 0;
  return is_below(path) && fails(operation);
}

#define REAL(name) __typeof__(&name) real = (__typeof__(&name))dlsym(RTLD_NEXT, #name)
#define DESCRIPTOR(operation, type, name, parameters, ...) \
  type name parameters { REAL(name); return fails_descriptor(descriptor, operation) ? -1 : real(__VA_ARGS__); }

DESCRIPTOR(OPS_WRITE, ssize_t, write, (int descriptor, const void *bytes, size_t size), descriptor, bytes, size)
DESCRIPTOR(OPS_WRITE, ssize_t, pwrite, (int descriptor, const void *bytes, size_t size, off_t at), descriptor, bytes, size, at)
DESCRIPTOR(OPS_WRITE, ssize_t, pwrite64, (int descriptor, const void *bytes, size_t size, off64_t at), descriptor, bytes, size, at)
DESCRIPTOR(OPS_WRITE, ssize_t, writev, (int descriptor, const struct iovec *parts, int count), descriptor, parts, count)
DESCRIPTOR(OPS_WRITE, ssize_t, pwritev, (int descriptor, const struct iovec *parts, int count, off_t at), descriptor, parts, count, at)
DESCRIPTOR(OPS_WRITE, ssize_t, pwritev64, (int descriptor, const struct iovec *parts, int count, off64_t at), descriptor, parts, count, at)
DESCRIPTOR(OPS_WRITE, int, ftruncate, (int descriptor, off_t size), descriptor, size)
DESCRIPTOR(OPS_WRITE, int, ftruncate64, (int descriptor, off64_t size), descriptor, size)
DESCRIPTOR(OPS_SYNC, int, fsync, (int descriptor), descriptor)
DESCRIPTOR(OPS_SYNC, int, fdatasync, (int descriptor), descriptor)
DESCRIPTOR(OPS_READ, ssize_t, read, (int descriptor, void *bytes, size_t size), descriptor, bytes, size)
DESCRIPTOR(OPS_READ, ssize_t, pread, (int descriptor, void *bytes, size_t size, off_t at), descriptor, bytes, size, at)
DESCRIPTOR(OPS_READ, ssize_t, pread64, (int descriptor, void *bytes, size_t size, off64_t at), descriptor, bytes, size, at)
DESCRIPTOR(OPS_READ, ssize_t, preadv, (int descriptor, const struct iovec *parts, int count, off_t at), descriptor, parts, count, at)
DESCRIPTOR(OPS_READ, ssize_t, preadv64, (int descriptor, const struct iovec *parts, int count, off64_t at), descriptor, parts, count, at)

int rename(const char *from, const char *to) { REAL(rename); return fails_path(to, OPS_NAME) ? -1 : real(from, to); }
int unlink(const char *path) { REAL(unlink); return fails_path(path, OPS_NAME) ? -1 : real(path); }
int mkdir(const char *path, mode_t mode) { REAL(mkdir); return fails_path(path, OPS_NAME) ? -1 : real(path, mode); }

// What makes or writes a file counts as naming as well: a disk that may only be read refuses it.
static int fails_open(const char *path, int flags) {
  uint32_t writes = (flags & (O_CREAT | O_WRONLY | O_RDWR | O_TRUNC)) ? OPS_NAME : 0;
  return command && command->error && is_below(path) && (command->operations & (OPS_OPEN | writes)) &&
         fails(OPS_OPEN | writes);
}

#define OPEN(name) \
  int name(const char *path, int flags, ...) { \
    REAL(name); \
    va_list rest; \
    va_start(rest, flags); \
    mode_t mode = va_arg(rest, mode_t); \
    va_end(rest); \
    return fails_open(path, flags) ? -1 : real(path, flags, mode); \
  }
OPEN(open)
OPEN(open64)
