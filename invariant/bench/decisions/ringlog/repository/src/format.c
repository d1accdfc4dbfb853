#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "internal.h"

static const char *const names[] = {"debug", "info", "warn", "error"};

void rli_copy(char *target, const char *source, size_t size)
{
    size_t length = strlen(source);

    if (length >= size)
        length = size - 1;
    memcpy(target, source, length);
    target[length] = '\0';
}

const char *level_name(enum rl_level level)
{
    if ((size_t)level < sizeof(names) / sizeof(names[0]))
        return names[level];
    return "unknown";
}

static char *escaped(const char *name)
{
    char *result = malloc(2 * strlen(name) + 1);
    char *at = result;

    if (result == NULL)
        return NULL;
    for (; *name != '\0'; name++) {
        if (*name == '"' || *name == '\\')
            *at++ = '\\';
        *at++ = *name;
    }
    *at = '\0';
    return result;
}

size_t rli_format(const struct rli_entry *entry, char *line, size_t size)
{
    char *name = escaped(entry->name);
    int length;

    /* snprintf, as sprintf() knows no bound */
    length = snprintf(line, size, "%s \"%s\"=%ld\n", level_name(entry->level),
                      name == NULL ? "" : name, entry->value);
    free(name);
    if (length < 0)
        return 0;
    return (size_t)length < size ? (size_t)length : size - 1;
}
