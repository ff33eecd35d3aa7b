/*
 * answering_peer FD END_HEX REQUEST_HEX=ANSWER_HEX ...: the quickest pump of any dialect whose frames end in one byte.
 * A request that is exactly one of those given, its end included, gets its answer; everything else gets none.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { LARGEST = 512, MOST = 64 };

struct pair {
    uint8_t request[LARGEST], answer[LARGEST];
    int request_bytes, answer_bytes;
};

static struct pair known[MOST];
static int pairs;

static int hex(const char *text, uint8_t *out) {
    int made = 0;
    for (unsigned byte; made < LARGEST && sscanf(text, "%2x", &byte) == 1; text += 2) out[made++] = byte;
    return made;
}

static void take_frame(int fd, const uint8_t *frame, int count) {
    for (int i = 0; i < pairs; i++) {
        if (known[i].request_bytes != count || memcmp(known[i].request, frame, count) != 0) continue;
        if (write(fd, known[i].answer, known[i].answer_bytes) != known[i].answer_bytes) exit(1);
        return;
    }
}

int main(int count, char **argument) {
    if (count < 3 || count - 3 > MOST) return 2;
    int fd = atoi(argument[1]), held = 0;
    uint8_t end[LARGEST], bytes[4096], frame[LARGEST];
    if (hex(argument[2], end) != 1) return 2;
    for (int i = 3; i < count; i++, pairs++) {
        char *between = strchr(argument[i], '=');
        if (!between) return 2;
        *between = 0;
        known[pairs].request_bytes = hex(argument[i], known[pairs].request);
        known[pairs].answer_bytes = hex(between + 1, known[pairs].answer);
    }
    for (;;) {
        ssize_t taken = read(fd, bytes, sizeof bytes);
        if (taken <= 0) return 0;
        for (ssize_t i = 0; i < taken; i++) {
            if (held < LARGEST) frame[held++] = bytes[i];
            if (bytes[i] == end[0]) take_frame(fd, frame, held), held = 0;
        }
    }
}
