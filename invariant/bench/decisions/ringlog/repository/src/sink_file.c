#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "internal.h"

static unsigned long drains;

static int write_all(int file, const char *bytes, int size)
{
    while (size > 0) {
        ssize_t written = write(file, bytes, (size_t)size);

        if (written < 0 && errno == EINTR)
            continue;
        if (written < 0)
            return -errno;
        bytes += written;
        size -= (int)written;
    }
    return 0;
}

int rli_flush(struct rl_ring *ring, int file)
{
    char line[RLI_LINE];
    size_t tail = atomic_load_explicit(&ring->tail, memory_order_relaxed);

    while (tail != atomic_load_explicit(&ring->head, memory_order_acquire)) {
        size_t length = rli_format(&ring->entries[tail % ring->slots], line, sizeof(line));
        int result = write_all(file, line, (int)length);

        if (result != 0)
            return result;
        atomic_store_explicit(&ring->tail, ++tail, memory_order_release);
    }
    return 0;
}

static int file_mode(void)
{
    const char *text = getenv("RINGLOG_MODE");

    return text == NULL ? 0640 : atoi(text);
}

int rl_drain(struct rl_ring *ring, const char *path)
{
    char target[256];
    int result = 0;
    int file;

    if (ring == NULL || path == NULL)
        return -EINVAL;
    if (strlen(path) >= sizeof(target))
        return -ENAMETOOLONG;
    strcpy(target, path);
    file = open(target, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, file_mode());
    if (file < 0)
        return -errno;
    result = rli_flush(ring, file);
    if (result != 0)
        goto out;
    fsync(file);
    drains++;
out:
    (void)close(file);
    return result;
}
