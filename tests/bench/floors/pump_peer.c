/*
 * pump_peer FD IDENTITY_HEX STATUS_HEX [OTHER_STATUS_HEX]: the quickest pump that speaks SPEC.md well enough to be asked.
 * With two statuses it tells them in turns, and prints CLOCK_MONOTONIC when the last byte of each was on the line.
 * IDENTIFY, GET_STATUS, READ_PROGRAM and GET_CONFIRMATION get their answers (the two bodies as given, the status with a
 * living uptime; no program, no confirmation), STOP gets STOPPED, everything else is refused as bad_state.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { HEAD = 10, CRC = 4, LARGEST = 200, FRAME = 255 };

static uint32_t table[256];

static void fill_table(void) {
    for (uint32_t i = 0; i < 256; i++) {
        uint32_t crc = i;
        for (int bit = 0; bit < 8; bit++) crc = crc & 1 ? 0xEDB88320u ^ (crc >> 1) : crc >> 1;
        table[i] = crc;
    }
}

static uint32_t crc32_of(const uint8_t *bytes, int count) {
    uint32_t crc = ~0u;
    while (count--) crc = table[(crc ^ *bytes++) & 255] ^ (crc >> 8);
    return ~crc;
}

/* A frame holds fewer than 254 bytes, so no code byte is FF. Returns the decoded length, or -1. */
static int cobs_decode(const uint8_t *in, int count, uint8_t *out) {
    int made = 0;
    for (int at = 0; at < count;) {
        int code = in[at++];
        if (code == 0 || at + code - 1 > count) return -1;
        for (int i = 1; i < code; i++) out[made++] = in[at++];
        if (at < count) out[made++] = 0;
    }
    return made;
}

static int cobs_encode(const uint8_t *in, int count, uint8_t *out) {
    int made = 1, code_at = 0, code = 1;
    for (int i = 0; i < count; i++) {
        if (in[i] == 0) {
            out[code_at] = code, code_at = made++, code = 1;
        } else {
            out[made++] = in[i], code++;
        }
    }
    out[code_at] = code;
    out[made++] = 0;
    return made;
}

static int hex(const char *text, uint8_t *out) {
    int made = 0;
    for (unsigned byte; sscanf(text, "%2x", &byte) == 1 && made < LARGEST; text += 2) out[made++] = byte;
    return made;
}

static uint64_t now_ns(clockid_t clock) {
    struct timespec t;
    clock_gettime(clock, &t);
    return t.tv_sec * 1000000000ULL + t.tv_nsec;
}

static void put_uptime_ms(uint8_t *out) {
    uint64_t ms = now_ns(CLOCK_BOOTTIME) / 1000000;
    memcpy(out, &ms, sizeof ms); /* little-endian hosts only, as every host this runs on */
}

static uint8_t identity[LARGEST], status[2][LARGEST];
static int identity_bytes, status_bytes, statuses, told;

/* Puts the answer's body after the head and returns its length. The request's type becomes the answer's. */
static int answer(uint8_t *payload) {
    uint8_t *body = payload + HEAD;
    uint8_t asked = payload[1];
    payload[1] |= 0x80;
    switch (asked) {
    case 0x01: memcpy(body, identity, identity_bytes); return identity_bytes;
    case 0x02:
        told++;
        put_uptime_ms(status[told % statuses]);
        memcpy(body, status[told % statuses], status_bytes);
        return status_bytes;
    case 0x04: memset(body, 0, 54); return 54;
    case 0x05: memset(body, 0, 21); return 21;
    case 0x0A: return 0;
    default: payload[1] = 0xBF; body[0] = asked; body[1] = 4; body[2] = 0; return 3;
    }
}

static void take_frame(int fd, const uint8_t *frame, int count) {
    uint8_t payload[FRAME], out[FRAME + 2];
    int decoded = cobs_decode(frame, count, payload);
    if (decoded < HEAD + CRC) return;
    uint32_t crc = crc32_of(payload, decoded - CRC);
    if (memcmp(&crc, payload + decoded - CRC, CRC) != 0) return;
    int before = told, made = HEAD + answer(payload);
    crc = crc32_of(payload, made);
    memcpy(payload + made, &crc, CRC);
    int length = cobs_encode(payload, made + CRC, out);
    if (write(fd, out, length) != length) exit(1);
    if (statuses > 1 && told != before) {
        printf("%llu\n", (unsigned long long)now_ns(CLOCK_MONOTONIC));
        fflush(stdout);
    }
}

int main(int count, char **argument) {
    if (count != 4 && count != 5) return 2;
    int fd = atoi(argument[1]), held = 0;
    uint8_t bytes[4096], frame[FRAME];
    fill_table();
    identity_bytes = hex(argument[2], identity);
    statuses = count - 3;
    for (int i = 0; i < statuses; i++) status_bytes = hex(argument[3 + i], status[i]);
    for (;;) {
        ssize_t taken = read(fd, bytes, sizeof bytes);
        if (taken <= 0) return 0;
        for (ssize_t i = 0; i < taken; i++) {
            if (bytes[i] == 0) {
                if (held) take_frame(fd, frame, held);
                held = 0;
            } else {
                frame[held < FRAME - 1 ? held++ : held] = bytes[i];
            }
        }
    }
}
