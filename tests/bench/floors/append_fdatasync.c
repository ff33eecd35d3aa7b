/* append_fdatasync FILE TIMES: appends 200 bytes and syncs them, TIMES times; prints the nanoseconds of each. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static long long now_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000000LL + t.tv_nsec;
}

int main(int count, char **argument) {
    if (count != 3) return 2;
    int fd = open(argument[1], O_RDWR | O_CREAT | O_APPEND, 0600);
    int times = atoi(argument[2]);
    char record[200];
    memset(record, 'x', sizeof record);
    for (int i = 0; i < times; i++) {
        long long before = now_ns();
        if (write(fd, record, sizeof record) != sizeof record || fdatasync(fd) != 0) return 1;
        printf("%lld\n", now_ns() - before);
    }
    return 0;
}
