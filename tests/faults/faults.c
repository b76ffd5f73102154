/* Stands between a program and its disk and clock (LD_PRELOAD): flushes can be made to fail, every write to a database
   is told in a journal, so that a test can take away what was never flushed, and the time of day can be moved. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

struct control {
    int64_t clock_ns; /* Added to the time of day. */
    int32_t skip;     /* So many flushes of matching files are let pass, */
    int32_t fail;     /* then so many fail. */
    int32_t failed;   /* How many have failed. */
    int32_t flushed;  /* How many were asked for. */
    char ending[32];  /* Of which files: how their path ends. */
};
struct record {
    char what; /* w written, t cut to a length, s flushed, f failed to flush */
    char pad[3];
    uint32_t name, size;
    uint32_t pad2;
    int64_t at;
};

static struct control *control;
static struct control none;
static int journal = -1;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int (*real_clock)(clockid_t, struct timespec *);
static ssize_t (*real_pwrite)(int, const void *, size_t, off_t);
static int (*real_fsync)(int), (*real_fdatasync)(int), (*real_ftruncate)(int, off_t);

__attribute__((constructor)) static void begin(void) {
    const char *where = getenv("FAULTS_CONTROL"), *told = getenv("FAULTS_JOURNAL");
    control = &none;
    if (where) {
        int file = open(where, O_RDWR | O_CLOEXEC);
        void *map = file < 0 ? MAP_FAILED : mmap(0, sizeof *control, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
        if (map != MAP_FAILED) control = map;
        if (file >= 0) close(file);
    }
    if (told) journal = open(told, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
    real_clock = dlsym(RTLD_NEXT, "clock_gettime");
    real_pwrite = dlsym(RTLD_NEXT, "pwrite64");
    real_fsync = dlsym(RTLD_NEXT, "fsync");
    real_fdatasync = dlsym(RTLD_NEXT, "fdatasync");
    real_ftruncate = dlsym(RTLD_NEXT, "ftruncate64");
}

static int ends(const char *path, const char *ending) {
    size_t a = strlen(path), b = strlen(ending);
    return b > 0 && a >= b && strcmp(path + a - b, ending) == 0;
}

/* The path of a database or of its log; 0 for any other file. */
static int watched(int fd, char *path, size_t room) {
    char link[40];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t size = readlink(link, path, room - 1);
    if (size <= 0) return 0;
    path[size] = 0;
    return ends(path, ".db") || ends(path, ".db-wal");
}

static void tell(char what, const char *path, int64_t at, const void *bytes, size_t size) {
    if (journal < 0) return;
    struct record head = {what, {0}, (uint32_t)strlen(path), (uint32_t)size, 0, at};
    struct iovec parts[3] = {{&head, sizeof head}, {(void *)path, head.name}, {(void *)bytes, size}};
    if (writev(journal, parts, 3) != (ssize_t)(sizeof head + head.name + size)) abort();
}

ssize_t pwrite64(int fd, const void *bytes, size_t size, off_t at) {
    char path[4096];
    if (!watched(fd, path, sizeof path)) return real_pwrite(fd, bytes, size, at);
    pthread_mutex_lock(&lock);
    ssize_t done = real_pwrite(fd, bytes, size, at);
    if (done > 0) tell('w', path, at, bytes, (size_t)done);
    pthread_mutex_unlock(&lock);
    return done;
}
ssize_t pwrite(int fd, const void *bytes, size_t size, off_t at) { return pwrite64(fd, bytes, size, at); }

int ftruncate64(int fd, off_t length) {
    char path[4096];
    if (!watched(fd, path, sizeof path)) return real_ftruncate(fd, length);
    pthread_mutex_lock(&lock);
    int done = real_ftruncate(fd, length);
    if (done == 0) tell('t', path, length, "", 0);
    pthread_mutex_unlock(&lock);
    return done;
}
int ftruncate(int fd, off_t length) { return ftruncate64(fd, length); }

static int flush(int fd, int (*really)(int)) {
    char path[4096];
    if (!watched(fd, path, sizeof path)) return really(fd);
    pthread_mutex_lock(&lock);
    int done = 0;
    control->flushed++;
    if (ends(path, control->ending) && control->fail > 0 && control->skip-- <= 0) {
        control->fail--;
        control->failed++;
        tell('f', path, 0, "", 0);
        errno = EIO;
        done = -1;
    } else {
        done = really(fd);
        tell(done ? 'f' : 's', path, 0, "", 0);
    }
    pthread_mutex_unlock(&lock);
    return done;
}
int fsync(int fd) { return flush(fd, real_fsync); }
int fdatasync(int fd) { return flush(fd, real_fdatasync); }

int clock_gettime(clockid_t which, struct timespec *now) {
    int done = real_clock(which, now);
    if (done == 0 && which == CLOCK_REALTIME && control->clock_ns) {
        int64_t moved = (int64_t)now->tv_sec * 1000000000 + now->tv_nsec + control->clock_ns;
        now->tv_sec = moved / 1000000000;
        now->tv_nsec = moved % 1000000000;
    }
    return done;
}
