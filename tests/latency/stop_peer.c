/*
 * stop_peer TTY SOCKET STOP_HEX: the quickest way from a request to a STOP. It takes one connection at a time, waits
 * for a line and writes 00 and the STOP frame to the tty. Every call blocks; it decides nothing.
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

int main(int count, char **argument) {
    if (count != 4) return 2;
    uint8_t frame[256] = {0};
    size_t length = 1;
    for (const char *at = argument[3]; sscanf(at, "%2hhx", &frame[length]) == 1 && length < 255; at += 2) length++;
    int tty = open(argument[1], O_RDWR | O_NOCTTY);
    int listener = socket(AF_UNIX, SOCK_STREAM, 0);
    struct sockaddr_un here = {.sun_family = AF_UNIX};
    strncpy(here.sun_path, argument[2], sizeof here.sun_path - 1);
    if (tty < 0 || bind(listener, (struct sockaddr *)&here, sizeof here) || listen(listener, 8)) return 1;
    puts("ready");
    fflush(stdout);
    for (;;) {
        char request[4096];
        int asking = accept(listener, NULL, NULL);
        ssize_t taken = read(asking, request, sizeof request);
        if (taken > 0 && write(tty, frame, length) != (ssize_t)length) return 1;
        close(asking);
    }
}
