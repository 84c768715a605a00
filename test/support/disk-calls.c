// Loaded before a program, this writes down every call by which it, its threads and its children change files below DISK_CALLS_DIR, with what was
// written, and kills the caller before or after one of them. What is to happen stands in a file that is shared with whoever commands (see
// disk-calls.ts); the journal's records are those of disk-journal.ts. A lock makes the order of the records that of the calls.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

enum { NEVER, BEFORE, AFTER };
enum { WRITE = 1, TRUNCATE, SYNC, CREATE, RENAME, LINK, UNLINK, MKDIR, RMDIR };
static const char *const kinds[] = {"", "write", "truncate", "fsync", "create", "rename", "link", "unlink", "mkdir", "rmdir"};

struct command {
  uint32_t when;
  uint32_t ordinal;     // of the calls with this key, from 1
  uint32_t seen;        // calls with this key
  uint32_t killed;      // process that was killed
  uint32_t escaped;     // changes that this library does not follow
  uint32_t ready;
  uint32_t halted;      // whoever makes another call is killed before it
  uint32_t busy;        // process that is between the beginning of a call and the end of its record; 0: none is
  char key[256];        // "<kind> <place>"
  pthread_mutex_t lock;
};

struct record {
  uint32_t kind;
  int32_t error;        // errno; 0: it was done
  uint64_t inode;
  uint64_t at;          // bytes from the start, or the new length
  uint32_t process;
  uint32_t place, path, other, data;  // lengths of what follows; the place is the path as keys have it
};

static struct command *command;
static char directory[PATH_MAX];
static size_t directory_length;
static int journal = -1;

#define REAL(name) __typeof__(&name) real = (__typeof__(&name))dlsym(RTLD_NEXT, #name)

__attribute__((constructor)) static void load(void) {
  const char *file = getenv("DISK_CALLS"), *below = getenv("DISK_CALLS_DIR"), *log = getenv("DISK_CALLS_JOURNAL");
  if (!file || !below || !log) return;
  snprintf(directory, sizeof directory, "%s/", below);
  directory_length = strlen(directory);
  int (*real)(const char *, int, ...) = dlsym(RTLD_NEXT, "open");
  int descriptor = real(file, O_RDWR | O_CLOEXEC);
  int opened = real(log, O_WRONLY | O_APPEND | O_CLOEXEC);
  if (descriptor < 0 || opened < 0) return;
  // Out of the way of programs that count their descriptors.
  journal = fcntl(opened, F_DUPFD_CLOEXEC, 700);
  close(opened);
  void *mapped = mmap(NULL, sizeof(struct command), PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0);
  close(descriptor);
  if (mapped == MAP_FAILED || journal < 0) return;
  struct command *shared = mapped;
  uint32_t none = 0;
  if (__atomic_compare_exchange_n(&shared->ready, &none, 1, 0, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST)) {
    pthread_mutexattr_t attributes;
    pthread_mutexattr_init(&attributes);
    pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
    // Who is killed holding it must not stop the others.
    pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST);
    pthread_mutex_init(&shared->lock, &attributes);
    __atomic_store_n(&shared->ready, 2, __ATOMIC_SEQ_CST);
  }
  while (__atomic_load_n(&shared->ready, __ATOMIC_SEQ_CST) != 2) usleep(100);
  command = shared;
}

// What SQLite shares through memory has no meaning after a crash.
static int is_followed(const char *path) {
  if (!path || strncmp(path, directory, directory_length) != 0) return 0;
  size_t length = strlen(path);
  return length < 4 || strcmp(path + length - 4, "-shm") != 0;
}

static int path_of(int descriptor, char *path) {
  char link[64];
  snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
  ssize_t length = readlink(link, path, PATH_MAX - 1);
  if (length <= 0) return 0;
  path[length] = 0;
  if (is_followed(path)) return 1;
  // A directory is synced under its own name.
  strcat(path, "/");
  if (strcmp(path, directory) == 0) return 1;
  return 0;
}

static int is_hex(char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); }

// The length of a time in a file's name, such as 2026-11-22T02-13-05-123Z; 0 where there is none.
static size_t time_length(const char *from) {
  const char *shape = "0000-00-00T00-00-00-000Z";
  size_t length = 0;
  while (shape[length] && (shape[length] == '0' ? from[length] >= '0' && from[length] <= '9' : from[length] == shape[length]))
    length++;
  return shape[length] ? 0 : length;
}

// The path below the directory without what is another in each run: names of processes, digests, serial numbers, times.
static void place_of(const char *path, char *place, size_t size) {
  const char *from = strlen(path) >= directory_length ? path + directory_length : ".";
  size_t to = 0;
  int hidden = 0;
  while (*from && strncmp(from, " (deleted)", 10) != 0 && to + 2 < size) {
    size_t run = time_length(from);
    if (run == 0)
      while (is_hex(from[run])) run++;
    int whole = (to == 0 || place[to - 1] == '/') && (from[run] == '/' || from[run] == 0);
    if (run >= 12 || (run >= 2 && whole)) {
      place[to++] = '*';
      hidden = 1;
      from += run;
    } else if (hidden && *from >= '0' && *from <= '9') {
      from++;
    } else {
      if (*from == '/') hidden = 0;
      place[to++] = *from++;
    }
  }
  place[to] = 0;
}

static void set_busy(uint32_t process) { __atomic_store_n(&command->busy, process, __ATOMIC_SEQ_CST); }

// The lock is held.
static void die(void) {
  set_busy(0);
  kill(getpid(), SIGKILL);
  for (;;) pause();
}

static void die_as_told(void) {
  command->killed = (uint32_t)getpid();
  die();
}

// Whether the call is the one to be killed at; the lock is held.
static int is_chosen(uint32_t kind, const char *path) {
  if (command->when == NEVER || command->killed) return 0;
  char key[256];
  int length = snprintf(key, sizeof key, "%s ", kinds[kind]);
  place_of(path, key + length, sizeof key - (size_t)length);
  if (strcmp(key, command->key) != 0) return 0;
  return ++command->seen == command->ordinal;
}

static void put(const void *bytes, size_t size) {
  REAL(write);
  while (size > 0) {
    ssize_t done = real(journal, bytes, size);
    if (done <= 0) abort();
    bytes = (const char *)bytes + done;
    size -= (size_t)done;
  }
}

static int begin(uint32_t kind, const char *path) {
  if (pthread_mutex_lock(&command->lock) == EOWNERDEAD) pthread_mutex_consistent(&command->lock);
  set_busy((uint32_t)getpid());
  if (__atomic_load_n(&command->halted, __ATOMIC_SEQ_CST)) die();
  int chosen = is_chosen(kind, path);
  if (chosen && command->when == BEFORE) die_as_told();
  return chosen;
}

static void end(int chosen, struct record *record, const char *path, const char *other, const struct iovec *parts, int count) {
  int error = errno;
  char place[256];
  place_of(path, place, sizeof place);
  record->process = (uint32_t)getpid();
  record->place = (uint32_t)strlen(place);
  record->path = (uint32_t)strlen(path);
  record->other = other ? (uint32_t)strlen(other) : 0;
  put(record, sizeof *record);
  put(place, record->place);
  put(path, record->path);
  if (other) put(other, record->other);
  size_t left = record->data;
  for (int at = 0; at < count && left > 0; at++) {
    size_t size = parts[at].iov_len < left ? parts[at].iov_len : left;
    put(parts[at].iov_base, size);
    left -= size;
  }
  if (chosen) die_as_told();
  set_busy(0);
  pthread_mutex_unlock(&command->lock);
  errno = error;
}

static uint64_t inode_of(int descriptor) {
  struct stat found;
  return fstat(descriptor, &found) == 0 ? found.st_ino : 0;
}

// Where a write begins whose caller does not say is found by where it ended.
#define WRITING(call, parts, count, offset) \
  char path[PATH_MAX]; \
  if (!command || !path_of(descriptor, path)) return call; \
  int chosen = begin(WRITE, path); \
  ssize_t done = call; \
  off64_t from = offset; \
  if (from < 0 && done >= 0) from = lseek64(descriptor, 0, SEEK_CUR) - done; \
  struct record record = {.kind = WRITE, .error = done < 0 ? errno : 0, .inode = inode_of(descriptor), .at = (uint64_t)from, .data = done < 0 ? 0 : (uint32_t)done}; \
  end(chosen, &record, path, NULL, parts, count); \
  return done;

ssize_t write(int descriptor, const void *bytes, size_t size) {
  REAL(write);
  struct iovec part = {(void *)bytes, size};
  WRITING(real(descriptor, bytes, size), &part, 1, -1)
}
ssize_t pwrite(int descriptor, const void *bytes, size_t size, off_t at) {
  REAL(pwrite);
  struct iovec part = {(void *)bytes, size};
  WRITING(real(descriptor, bytes, size, at), &part, 1, at)
}
ssize_t pwrite64(int descriptor, const void *bytes, size_t size, off64_t at) {
  REAL(pwrite64);
  struct iovec part = {(void *)bytes, size};
  WRITING(real(descriptor, bytes, size, at), &part, 1, at)
}
ssize_t writev(int descriptor, const struct iovec *parts, int count) {
  REAL(writev);
  WRITING(real(descriptor, parts, count), parts, count, -1)
}
ssize_t pwritev(int descriptor, const struct iovec *parts, int count, off_t at) {
  REAL(pwritev);
  WRITING(real(descriptor, parts, count, at), parts, count, at)
}
ssize_t pwritev64(int descriptor, const struct iovec *parts, int count, off64_t at) {
  REAL(pwritev64);
  WRITING(real(descriptor, parts, count, at), parts, count, at)
}

#define ON_DESCRIPTOR(what, call, length) \
  char path[PATH_MAX]; \
  if (!command || !path_of(descriptor, path)) return call; \
  int chosen = begin(what, path); \
  int result = call; \
  struct record record = {.kind = what, .error = result ? errno : 0, .inode = inode_of(descriptor), .at = (uint64_t)(length)}; \
  end(chosen, &record, path, NULL, NULL, 0); \
  return result;

int ftruncate(int descriptor, off_t size) { REAL(ftruncate); ON_DESCRIPTOR(TRUNCATE, real(descriptor, size), size) }
int ftruncate64(int descriptor, off64_t size) { REAL(ftruncate64); ON_DESCRIPTOR(TRUNCATE, real(descriptor, size), size) }
// The real ones are left out: what they would have made durable is known, and a run takes a fraction of the time.
int fsync(int descriptor) { REAL(fsync); ON_DESCRIPTOR(SYNC, command ? 0 : real(descriptor), 0) }
int fdatasync(int descriptor) { REAL(fdatasync); ON_DESCRIPTOR(SYNC, command ? 0 : real(descriptor), 0) }

#define ON_PATH(what, followed, call, other) \
  if (!command || !is_followed(followed)) return call; \
  int chosen = begin(what, followed); \
  int result = call; \
  int error = result < 0 ? errno : 0; \
  struct stat made = {0}; \
  if ((what) == MKDIR && !error) lstat(followed, &made); \
  struct record record = {.kind = what, .error = error, .inode = made.st_ino}; \
  errno = error; \
  end(chosen, &record, followed, other, NULL, 0); \
  return result;

int rename(const char *from, const char *to) { REAL(rename); ON_PATH(RENAME, to, real(from, to), from) }
int link(const char *from, const char *to) { REAL(link); ON_PATH(LINK, to, real(from, to), from) }
int unlink(const char *path) { REAL(unlink); ON_PATH(UNLINK, path, real(path), NULL) }
int rmdir(const char *path) { REAL(rmdir); ON_PATH(RMDIR, path, real(path), NULL) }
int mkdir(const char *path, mode_t mode) { REAL(mkdir); ON_PATH(MKDIR, path, real(path, mode), NULL) }
int remove(const char *path) {
  struct stat found;
  REAL(remove);
  if (!command || !is_followed(path)) return real(path);
  return lstat(path, &found) == 0 && S_ISDIR(found.st_mode) ? rmdir(path) : unlink(path);
}
int unlinkat(int at, const char *name, int flags) {
  REAL(unlinkat);
  if (!command) return real(at, name, flags);
  char path[PATH_MAX], whole[2 * PATH_MAX];
  if (name[0] == '/' || at == AT_FDCWD) snprintf(whole, sizeof whole, "%s", name);
  else if (path_of(at, path)) snprintf(whole, sizeof whole, "%s/%s", path, name);
  else return real(at, name, flags);
  return flags & AT_REMOVEDIR ? rmdir(whole) : unlink(whole);
}

// An opening counts when it makes a file, or empties one.
static int follow_open(int (*real)(const char *, int, ...), const char *path, int flags, mode_t mode) {
  if (!command || !(flags & (O_CREAT | O_TRUNC)) || (flags & O_TMPFILE) == O_TMPFILE || !is_followed(path)) return real(path, flags, mode);
  struct stat before;
  if (lstat(path, &before) == 0) {
    if (!(flags & O_TRUNC) || (flags & O_EXCL)) return real(path, flags, mode);
    int chosen = begin(TRUNCATE, path);
    int descriptor = real(path, flags, mode);
    struct record record = {.kind = TRUNCATE, .error = descriptor < 0 ? errno : 0, .inode = before.st_ino};
    end(chosen, &record, path, NULL, NULL, 0);
    return descriptor;
  }
  int chosen = begin(CREATE, path);
  // It may have been made since.
  int isNew = lstat(path, &before) != 0;
  int descriptor = real(path, flags, mode);
  struct record record = {.kind = CREATE, .error = descriptor < 0 ? errno : isNew ? 0 : EEXIST, .inode = descriptor < 0 ? 0 : inode_of(descriptor)};
  int error = descriptor < 0 ? errno : 0;
  errno = error;
  end(chosen, &record, path, NULL, NULL, 0);
  return descriptor;
}

#define OPEN(name) \
  int name(const char *path, int flags, ...) { \
    REAL(name); \
    va_list rest; \
    va_start(rest, flags); \
    mode_t mode = va_arg(rest, mode_t); \
    va_end(rest); \
    return follow_open((int (*)(const char *, int, ...))real, path, flags, mode); \
  }
OPEN(open)
OPEN(open64)

// What follows changes files in ways that no record tells; that it happened shows.
static void note_escape(void) { __atomic_fetch_add(&command->escaped, 1, __ATOMIC_SEQ_CST); }
static int escapes(int descriptor) {
  char path[PATH_MAX];
  return command && path_of(descriptor, path);
}
ssize_t sendfile(int to, int from, off_t *at, size_t size) { REAL(sendfile); if (escapes(to)) note_escape(); return real(to, from, at, size); }
ssize_t sendfile64(int to, int from, off64_t *at, size_t size) { REAL(sendfile64); if (escapes(to)) note_escape(); return real(to, from, at, size); }
ssize_t copy_file_range(int from, off64_t *at, int to, off64_t *there, size_t size, unsigned flags) {
  REAL(copy_file_range);
  if (escapes(to)) note_escape();
  return real(from, at, to, there, size, flags);
}
int truncate(const char *path, off_t size) { REAL(truncate); if (command && is_followed(path)) note_escape(); return real(path, size); }
int symlink(const char *to, const char *path) { REAL(symlink); if (command && is_followed(path)) note_escape(); return real(to, path); }
int fallocate(int descriptor, int mode, off_t at, off_t size) { REAL(fallocate); if (escapes(descriptor)) note_escape(); return real(descriptor, mode, at, size); }
void *mmap64(void *where, size_t size, int protection, int flags, int descriptor, off64_t at) {
  REAL(mmap64);
  if (descriptor >= 0 && (flags & MAP_SHARED) && (protection & PROT_WRITE) && escapes(descriptor)) note_escape();
  return real(where, size, protection, flags, descriptor, at);
}
