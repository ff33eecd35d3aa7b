/*
 * Preloaded into a daemon of `make crash-test`: tells it of each write and sync below SQLite, before and after.
 * The hook is set from inside (seams.py) and gets the descriptor, the call ('w' or 's') and the side (0 or 1). For a
 * write it may answer with a number of bytes: only so many are written, and the process dies.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <signal.h>
#include <sys/types.h>
#include <unistd.h>

long (*sync_points_hook)(int fd, int call, int side, long count);

static long told(int fd, int call, int side, long count) {
    return sync_points_hook ? sync_points_hook(fd, call, side, count) : 0;
}

static ssize_t written(const char *name, int fd, const void *bytes, size_t count, off_t at) {
    ssize_t (*real)(int, const void *, size_t, off_t) = dlsym(RTLD_NEXT, name);
    long half = told(fd, 'w', 0, (long)count);
    ssize_t made = real(fd, bytes, half > 0 ? (size_t)half : count, at);
    if (half > 0) raise(SIGKILL);
    told(fd, 'w', 1, (long)count);
    return made;
}

static int synced(const char *name, int fd) {
    int (*real)(int) = dlsym(RTLD_NEXT, name);
    told(fd, 's', 0, 0);
    int result = real(fd);
    told(fd, 's', 1, 0);
    return result;
}

ssize_t pwrite(int fd, const void *bytes, size_t count, off_t at) { return written("pwrite", fd, bytes, count, at); }
ssize_t pwrite64(int fd, const void *bytes, size_t count, off_t at) { return written("pwrite64", fd, bytes, count, at); }
int fdatasync(int fd) { return synced("fdatasync", fd); }
int fsync(int fd) { return synced("fsync", fd); }
