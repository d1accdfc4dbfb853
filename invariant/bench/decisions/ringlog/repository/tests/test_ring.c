#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ringlog.h"

static void test_full_ring_refuses(void)
{
    struct rl_ring *ring;

    assert(rl_open(&ring, 2) == 0);
    assert(rl_write(ring, RL_INFO, "a", 1) == 0);
    assert(rl_write(ring, RL_INFO, "b", 2) == 0);
    assert(rl_write(ring, RL_INFO, "c", 3) == -ENOSPC);
    assert(rl_pending(ring) == 2);
    assert(rl_close(ring) == 0);
}

static void test_drain_writes_lines(void)
{
    struct rl_ring *ring;
    char path[64], line[64];
    FILE *file;

    sprintf(path, "ringlog-%d.txt", (int)getpid());
    assert(rl_open(&ring, 8) == 0);
    assert(rl_write(ring, RL_WARN, "temp\"erature", 81) == 0);
    assert(rl_drain(ring, path) == 0);
    file = fopen(path, "r");
    assert(file != NULL && fgets(line, sizeof(line), file) != NULL);
    assert(strcmp(line, "warn \"temp\\\"erature\"=81\n") == 0);
    fclose(file);
    remove(path);
    rl_close(ring);
}

int main(void)
{
    test_full_ring_refuses();
    test_drain_writes_lines();
    printf("ok\n");
    return 0;
}
