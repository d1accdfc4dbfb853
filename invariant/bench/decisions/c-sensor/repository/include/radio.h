#ifndef MEADOW_RADIO_H
#define MEADOW_RADIO_H

#include <stddef.h>
#include <stdint.h>

#include "status.h"

/* Sends one line of text. */
meadow_status radio_send(const char *text);

/* Copies what was received since the last call. */
meadow_status radio_take(char *text, size_t size);

#endif
