#ifndef RINGLOG_H
#define RINGLOG_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

enum rl_level { RL_DEBUG, RL_INFO, RL_WARN, RL_ERROR };

struct rl_ring;

/* Make a ring with room for `slots` entries. Returns 0, -EINVAL or -ENOMEM. */
int rl_open(struct rl_ring **ring, size_t slots);

/* Put one entry into the ring. Returns 0, -EINVAL, or -ENOSPC when the ring is full. */
int rl_write(struct rl_ring *ring, enum rl_level level, const char *name, long value);

/* Append all entries to a file. */
int rl_drain(struct rl_ring *ring, const char *path);

/* Returns how many entries wait to be drained. */
size_t rl_pending(const struct rl_ring *ring);

/* Returns how many entries were lost because the ring was full. */
size_t rl_dropped(const struct rl_ring *ring);

/* Free the ring. Returns 0 or -EINVAL. */
int rl_close(struct rl_ring *ring);

#ifdef __cplusplus
}
#endif

#endif
