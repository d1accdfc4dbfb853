#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "internal.h"

int rl_open(struct rl_ring **ring, size_t slots)
{
    struct rl_ring *made;

    if (ring == NULL || slots == 0)
        return -EINVAL;
    made = calloc(1, sizeof(*made) + slots * sizeof(made->entries[0]));
    if (made == NULL)
        return -ENOMEM;
    made->slots = slots;
    *ring = made;
    return 0;
}

int rl_write(struct rl_ring *ring, enum rl_level level, const char *name, long value)
{
    size_t head, tail;
    struct rli_entry *entry;

    if (ring == NULL || name == NULL)
        return -EINVAL;
    if (ring->closing)
        return -EINVAL;
    head = atomic_load_explicit(&ring->head, memory_order_relaxed);
    tail = atomic_load_explicit(&ring->tail, memory_order_acquire);
    if (head - tail == ring->slots) {
        atomic_fetch_add(&ring->dropped, 1);
        return -ENOSPC;
    }
    entry = &ring->entries[head % ring->slots];
    entry->level = level;
    entry->value = value;
    rli_copy(entry->name, name, sizeof(entry->name));
    atomic_store_explicit(&ring->head, head + 1, memory_order_release);
    return 0;
}

size_t rl_pending(const struct rl_ring *ring)
{
    if (ring == NULL)
        return 0;
    return atomic_load(&ring->head) - atomic_load(&ring->tail);
}

size_t rl_dropped(const struct rl_ring *ring)
{
    return atomic_load(&ring->dropped);
}

int rl_close(struct rl_ring *ring)
{
    if (ring == NULL)
        return -EINVAL;
    ring->closing = 1;
    free(ring);
    return 0;
}
