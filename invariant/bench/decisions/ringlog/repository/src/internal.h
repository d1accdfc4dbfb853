#ifndef RINGLOG_INTERNAL_H
#define RINGLOG_INTERNAL_H

#include <stdatomic.h>
#include <stddef.h>

#include "ringlog.h"

#define RLI_NAME 24
#define RLI_LINE 128

struct rli_entry {
    enum rl_level level;
    char name[RLI_NAME];
    long value;
};

struct rl_ring {
    size_t slots;
    atomic_size_t head;
    atomic_size_t tail;
    atomic_size_t dropped;
    volatile int closing;
    struct rli_entry entries[];
};

/* Copy at most size - 1 bytes and always terminate. Our answer to strcpy(). */
void rli_copy(char *target, const char *source, size_t size);

/* Write one entry as a line. Returns its length without the terminator. */
size_t rli_format(const struct rli_entry *entry, char *line, size_t size);

/* Append every waiting entry to an open file. Returns 0 or a negative errno. */
int rli_flush(struct rl_ring *ring, int file);

#endif
