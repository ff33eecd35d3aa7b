/*
 * mqtt_client PORT TOPIC TIMES BYTES: publishes so many bytes at QoS 1 to its own subscription, TIMES times, one after the
 * other, and prints the nanoseconds from each publication to its return.
 * mqtt_client PORT TOPIC 0 0: only subscribes, and prints CLOCK_MONOTONIC and the length of each message, until ended.
 */
#include <mosquitto.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { LARGEST = 4096 };

static int messages;
static bool connected, subscribed, only_subscribes;

static long long now_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static void on_connect(struct mosquitto *client, void *unused, int code) {
    (void)client, (void)unused;
    connected = code == 0;
}

static void on_subscribe(struct mosquitto *client, void *unused, int id, int count, const int *granted) {
    (void)client, (void)unused, (void)id, (void)count, (void)granted;
    subscribed = true;
}

static void on_message(struct mosquitto *client, void *unused, const struct mosquitto_message *message) {
    (void)client, (void)unused;
    messages++;
    if (only_subscribes) {
        printf("%lld %d\n", now_ns(), message->payloadlen);
        fflush(stdout);
    }
}

static void turn(struct mosquitto *client) {
    if (mosquitto_loop(client, 1000, 1) != MOSQ_ERR_SUCCESS) exit(1);
}

int main(int count, char **argument) {
    if (count != 5) return 2;
    const char *topic = argument[2];
    int times = atoi(argument[3]), bytes = atoi(argument[4]);
    char payload[LARGEST];
    if (bytes < 0 || bytes > LARGEST) return 2;
    memset(payload, 'x', sizeof payload);
    only_subscribes = times == 0;
    mosquitto_lib_init();
    struct mosquitto *client = mosquitto_new(NULL, true, NULL);
    mosquitto_int_option(client, MOSQ_OPT_TCP_NODELAY, 1);
    mosquitto_connect_callback_set(client, on_connect);
    mosquitto_subscribe_callback_set(client, on_subscribe);
    mosquitto_message_callback_set(client, on_message);
    if (mosquitto_connect(client, "127.0.0.1", atoi(argument[1]), 60) != MOSQ_ERR_SUCCESS) return 1;
    while (!connected) turn(client);
    mosquitto_subscribe(client, NULL, topic, 1);
    while (!subscribed) turn(client);
    if (only_subscribes) {
        printf("ready\n");
        fflush(stdout);
        for (;;) turn(client);
    }
    for (int i = 0; i < times; i++) {
        int before = messages;
        long long sent_ns = now_ns();
        mosquitto_publish(client, NULL, topic, bytes, payload, 1, false);
        while (messages == before) turn(client);
        printf("%lld\n", now_ns() - sent_ns);
    }
    return 0;
}
