/* pty_echo FD: sends back every byte of a pty master, the cheapest possible pump. */
#include <stdlib.h>
#include <unistd.h>

int main(int count, char **argument) {
    int fd = count == 2 ? atoi(argument[1]) : -1;
    char bytes[4096];
    for (;;) {
        ssize_t taken = read(fd, bytes, sizeof bytes);
        if (taken <= 0) return 0;
        for (ssize_t sent = 0; sent < taken;) {
            ssize_t now = write(fd, bytes + sent, taken - sent);
            if (now <= 0) return 0;
            sent += now;
        }
    }
}
