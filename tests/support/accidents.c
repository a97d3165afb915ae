/* Accidents between the daemon and the kernel, by LD_PRELOAD: death at a chosen call, a disk that says no, power loss.
 *
 * Quiet until accident_arm() is called (a forked child does that); what happens then is read from the environment:
 *   ACCIDENT_FOLDER      files below it are the ones concerned
 *   ACCIDENT_TALLY       file that gets the number of calls counted so far, as text
 *   ACCIDENT_KILL_AT     number of the fdatasync, fsync or send at which the process dies, counted over all threads
 *   ACCIDENT_KILL_AFTER  1: it dies when the call has returned, else before it is made
 *   ACCIDENT_EIO_FROM    number of the fdatasync or fsync of a concerned file from which on all of them fail with EIO
 *   ACCIDENT_FULL        while this file exists, concerned files cannot grow (ENOSPC)
 *   ACCIDENT_CLOCK       file of 8 bytes: the seconds by which the wall clock is wrong, read at every look at it
 *   ACCIDENT_SHADOW      folder that gets, at every successful sync of a concerned file, what the disk would hold
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>

static atomic_long calls, syncs;
static long kill_at, eio_from;
static int armed, after;
static const char *folder, *tally, *full, *shadow;
static const volatile long long *wrong;
static pid_t owner;
static pthread_mutex_t turn = PTHREAD_MUTEX_INITIALIZER;

#define REAL(name) \
    static __typeof__(name) *real; \
    if (!real) real = (__typeof__(name) *)dlsym(RTLD_NEXT, #name)

static const char *word(const char *name) {
    const char *text = getenv(name);
    return text ? strdup(text) : NULL;
}

static long number(const char *name) {
    const char *text = getenv(name);
    return text ? atol(text) : 0;
}

static void open_clock(const char *path) {
    int fd;
    if (!path) return;
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) abort();
    wrong = mmap(NULL, sizeof *wrong, PROT_READ, MAP_SHARED, fd, 0);
    if (wrong == MAP_FAILED) abort();
    close(fd);
}

void accident_arm(void) {
    kill_at = number("ACCIDENT_KILL_AT");
    after = (int)number("ACCIDENT_KILL_AFTER");
    eio_from = number("ACCIDENT_EIO_FROM");
    folder = word("ACCIDENT_FOLDER");
    tally = word("ACCIDENT_TALLY");
    full = word("ACCIDENT_FULL");
    shadow = word("ACCIDENT_SHADOW");
    owner = getpid();
    open_clock(getenv("ACCIDENT_CLOCK"));
    armed = 1;
}

static int ours(void) { return armed && getpid() == owner; } /* the processes it starts are left alone */

static int is_below(const char *path) {
    size_t length = strlen(folder);
    return strncmp(path, folder, length) == 0 && (path[length] == '/' || path[length] == 0);
}

static int concerns(int fd, char path[PATH_MAX]) {
    char link[64];
    ssize_t length;
    if (!folder) return 0;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    length = readlink(link, path, PATH_MAX - 1);
    if (length <= 0) return 0;
    path[length] = 0;
    return is_below(path);
}

static void note(long count) {
    char text[32];
    int fd, length;
    if (!tally) return;
    fd = open(tally, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    if (fd < 0) return;
    length = snprintf(text, sizeof text, "%ld", count);
    if (syscall(SYS_write, fd, text, (size_t)length) < 0) abort();
    close(fd);
}

static long count(void) {
    long now = atomic_fetch_add(&calls, 1) + 1;
    if (!kill_at) note(now);
    if (kill_at && now == kill_at && !after) kill(owner, SIGKILL), pause();
    return now;
}

static void counted(long now) {
    if (kill_at && now == kill_at && after) kill(owner, SIGKILL), pause();
}

static void shadow_name(const char *path, char name[PATH_MAX]) {
    size_t at;
    snprintf(name, PATH_MAX, "%s/", shadow);
    at = strlen(name);
    for (; *path && at < PATH_MAX - 1; path++) name[at++] = *path == '/' ? '%' : *path;
    name[at] = 0;
}

static void keep(int fd, const char *path) {
    char name[PATH_MAX], half[PATH_MAX + 2], block[65536];
    off_t at = 0;
    ssize_t got;
    struct stat facts;
    int from, to;
    if (fstat(fd, &facts) || !S_ISREG(facts.st_mode)) return;
    from = open(path, O_RDONLY | O_CLOEXEC); /* `fd` itself may be for writing only */
    if (from < 0) return;
    shadow_name(path, name);
    snprintf(half, sizeof half, "%s~", name);
    pthread_mutex_lock(&turn);
    to = open(half, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    if (to < 0) abort();
    while ((got = pread(from, block, sizeof block, at)) > 0) {
        if (syscall(SYS_write, to, block, (size_t)got) != got) abort();
        at += got;
    }
    close(from);
    close(to);
    if (renameat(AT_FDCWD, half, AT_FDCWD, name)) abort();
    pthread_mutex_unlock(&turn);
}

static int synced(int fd, int (*call)(int)) {
    char path[PATH_MAX];
    int concerned, result;
    long now;
    if (!ours()) return call(fd);
    concerned = concerns(fd, path);
    now = count();
    if (concerned && eio_from) {
        long sync = atomic_fetch_add(&syncs, 1) + 1;
        note(sync);
        if (sync >= eio_from) {
            errno = EIO;
            return -1;
        }
    }
    result = call(fd);
    if (result == 0 && shadow && concerned) keep(fd, path);
    counted(now);
    return result;
}

int fdatasync(int fd) {
    REAL(fdatasync);
    return synced(fd, real);
}

int fsync(int fd) {
    REAL(fsync);
    return synced(fd, real);
}

/* An event loop wakes itself by a pair of sockets without names; nobody outside hears that. */
static int is_pair(int fd) {
    struct sockaddr_storage peer;
    socklen_t length = sizeof peer;
    return getpeername(fd, (struct sockaddr *)&peer, &length) == 0 && length <= sizeof(sa_family_t);
}

ssize_t send(int fd, const void *data, size_t size, int flags) {
    REAL(send);
    ssize_t result;
    long now;
    if (!ours() || is_pair(fd)) return real(fd, data, size, flags);
    now = count();
    result = real(fd, data, size, flags);
    counted(now);
    return result;
}

/* A rename of a file whose content the disk holds is on the disk at once, as on a journalling file system. */
int rename(const char *from, const char *to) {
    REAL(rename);
    int result = real(from, to);
    if (result == 0 && ours() && shadow && folder) {
        char old_path[PATH_MAX], new_path[PATH_MAX], old_name[PATH_MAX], new_name[PATH_MAX];
        char *slash;
        /* `from` is gone: its folder is resolved, its own name kept */
        snprintf(old_path, PATH_MAX, "%s", from);
        if (realpath(to, new_path) && is_below(new_path)) {
            slash = strrchr(old_path, '/');
            if (slash) {
                char name[NAME_MAX + 2], base[PATH_MAX];
                snprintf(name, sizeof name, "%s", slash);
                *slash = 0;
                if (realpath(*old_path ? old_path : "/", base)) snprintf(old_path, PATH_MAX, "%.3800s%s", base, name);
            }
            shadow_name(old_path, old_name);
            shadow_name(new_path, new_name);
            renameat(AT_FDCWD, old_name, AT_FDCWD, new_name);
        }
    }
    return result;
}

static int is_full(int fd, off_t end) {
    char path[PATH_MAX];
    struct stat facts;
    if (!full || !ours() || access(full, F_OK)) return 0;
    if (!concerns(fd, path) || fstat(fd, &facts) || !S_ISREG(facts.st_mode)) return 0;
    return end > facts.st_size;
}

ssize_t pwrite64(int fd, const void *data, size_t size, off_t at) {
    REAL(pwrite64);
    if (is_full(fd, at + (off_t)size)) {
        errno = ENOSPC;
        return -1;
    }
    return real(fd, data, size, at);
}

ssize_t pwrite(int fd, const void *data, size_t size, off_t at) { return pwrite64(fd, data, size, at); }

ssize_t write(int fd, const void *data, size_t size) {
    REAL(write);
    off_t at;
    if (full && ours() && (at = lseek(fd, 0, SEEK_CUR)) >= 0 && is_full(fd, at + (off_t)size)) {
        errno = ENOSPC;
        return -1;
    }
    return real(fd, data, size);
}

int fallocate64(int fd, int mode, off_t at, off_t size) {
    REAL(fallocate64);
    if (is_full(fd, at + size)) {
        errno = ENOSPC;
        return -1;
    }
    return real(fd, mode, at, size);
}

int posix_fallocate64(int fd, off_t at, off_t size) {
    REAL(posix_fallocate64);
    return is_full(fd, at + size) ? ENOSPC : real(fd, at, size);
}

int ftruncate64(int fd, off_t size) {
    REAL(ftruncate64);
    if (is_full(fd, size)) {
        errno = ENOSPC;
        return -1;
    }
    return real(fd, size);
}

/* The wall clock alone: whoever waits does so by the monotonic one, which goes on as ever. */
int clock_gettime(clockid_t which, struct timespec *now) {
    REAL(clock_gettime);
    int result = real(which, now);
    if (result == 0 && wrong && (which == CLOCK_REALTIME || which == CLOCK_REALTIME_COARSE) && ours()) now->tv_sec += *wrong;
    return result;
}

int gettimeofday(struct timeval *restrict now, void *restrict zone) {
    REAL(gettimeofday);
    int result = real(now, zone);
    if (result == 0 && wrong && ours()) now->tv_sec += *wrong;
    return result;
}

time_t time(time_t *now) {
    struct timespec found;
    clock_gettime(CLOCK_REALTIME_COARSE, &found);
    if (now) *now = found.tv_sec;
    return found.tv_sec;
}
