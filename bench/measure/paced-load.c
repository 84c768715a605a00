/*
 * paced-load PORT PATH CONNECTIONS SECONDS PAUSE_US SEED: asks a server on 127.0.0.1 for one path again and again. Each connection waits after an
 * answer before it asks again, for times of an exponential distribution with this mean. Waiting for equal times, connections that were held up
 * together would go on together from then on, and wait for one another. It never sleeps: its core is to have nothing else to do.
 *
 * Prints a line when it begins, and in the end one of JSON, as wrk-report.lua does.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <math.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { MOST_CONNECTIONS = 1024, READ_BYTES = 1 << 17, MOST_HEAD_BYTES = 8192 };

struct connection {
  int socket;
  /* Whether an answer is under way; when it was asked for, or when it will be. */
  int is_busy;
  double at_us;
  /* Of the answer: its length, head and body, once the head is there, and what has come. */
  long wanted, come;
  char head[MOST_HEAD_BYTES + 1];
};

static double now_us(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec * 1e6 + time.tv_nsec / 1e3;
}

static void fail(const char *what) {
  perror(what);
  exit(1);
}

static int open_connection(int port) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  int opened = socket(AF_INET, SOCK_STREAM, 0), on = 1;
  if (opened < 0 || connect(opened, (void *)&address, sizeof address) != 0) fail("connect");
  setsockopt(opened, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  return opened;
}

/* How long an answer is, by its head; 0 while that is not whole. Any status but 200 ends the run. */
static long answer_length(const char *head) {
  const char *end = strstr(head, "\r\n\r\n");
  if (end == NULL) return 0;
  const char *length = strcasestr(head, "\r\nContent-Length: ");
  if (strncmp(head, "HTTP/1.1 200 ", 13) != 0 || length == NULL || length > end) {
    fprintf(stderr, "answered with: %.100s\n", head);
    exit(1);
  }
  return end + 4 - head + atol(length + 18);
}

/* Reads what has come. Returns whether that was the end of an answer. */
static int read_answer(struct connection *one) {
  static char bytes[READ_BYTES];
  ssize_t count = read(one->socket, bytes, sizeof bytes);
  if (count <= 0) fail("read");
  if (one->wanted == 0) {
    long room = MOST_HEAD_BYTES - one->come, more = count < room ? count : room;
    if (more > 0) memcpy(one->head + one->come, bytes, more);
    one->head[one->come + (more > 0 ? more : 0)] = 0;
    one->wanted = answer_length(one->head);
    if (one->wanted == 0 && more < count) fail("head too long");
  }
  one->come += count;
  return one->wanted != 0 && one->come >= one->wanted;
}

static int compare(const void *a, const void *b) {
  float x = *(const float *)a, y = *(const float *)b;
  return x < y ? -1 : x > y;
}

int main(int argc, char **argv) {
  if (argc != 7) return fprintf(stderr, "usage: paced-load PORT PATH CONNECTIONS SECONDS PAUSE_US SEED\n"), 2;
  int port = atoi(argv[1]), count = atoi(argv[3]);
  double seconds = atof(argv[4]), pause_us = atof(argv[5]);
  srand48(atol(argv[6]));
  if (count < 1 || count > MOST_CONNECTIONS || pause_us <= 0) return fprintf(stderr, "out of range\n"), 2;
  char *request;
  int length = asprintf(&request, "GET %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n\r\n", argv[2], port);
  struct connection *all = calloc(count, sizeof *all);
  size_t most = (size_t)(seconds * 1e6 / pause_us * count * 2) + 1000, answers = 0;
  float *latency_us = malloc(most * sizeof *latency_us);
  int polled = epoll_create1(0);
  if (length < 0 || all == NULL || latency_us == NULL || polled < 0) fail("beginning");
  for (int at = 0; at < count; at += 1) {
    struct epoll_event event = {.events = EPOLLIN, .data.u32 = at};
    all[at].socket = open_connection(port);
    epoll_ctl(polled, EPOLL_CTL_ADD, all[at].socket, &event);
  }
  puts("begins");
  fflush(stdout);
  double began = now_us(), end = began + seconds * 1e6, bytes = 0;
  for (int at = 0; at < count; at += 1) all[at].at_us = began - pause_us * log1p(-drand48());
  while (now_us() < end) {
    for (int at = 0; at < count; at += 1) {
      struct connection *one = &all[at];
      double now = now_us();
      if (one->is_busy || one->at_us > now) continue;
      one->is_busy = 1;
      one->at_us = now;
      one->wanted = one->come = 0;
      if (write(one->socket, request, length) != length) fail("write");
    }
    struct epoll_event events[64];
    int ready = epoll_wait(polled, events, 64, 0);
    for (int at = 0; at < ready; at += 1) {
      struct connection *one = &all[events[at].data.u32];
      if (!read_answer(one)) continue;
      double now = now_us();
      if (answers < most) latency_us[answers++] = now - one->at_us;
      bytes += one->come;
      one->is_busy = 0;
      one->at_us = now - pause_us * log1p(-drand48());
    }
  }
  if (answers == 0) return fprintf(stderr, "no answer in %.1f s\n", seconds), 1;
  double took = (now_us() - began) / 1e6;
  qsort(latency_us, answers, sizeof *latency_us, compare);
  printf("{\"requests\":%zu,\"seconds\":%.6f,\"bytes\":%.0f,\"p50Us\":%.1f,\"p99Us\":%.1f,\"errors\":0}\n", answers, took,
         bytes, latency_us[answers / 2], latency_us[answers * 99 / 100]);
  return 0;
}
