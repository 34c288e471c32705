/* Texts that the library lends to the calling thread; not installed, and not exported. */
#ifndef REDOUBT_TEXTS_H
#define REDOUBT_TEXTS_H

#include <stddef.h>
#include <stdint.h>

/** What a text is; a thread has one of each kind. */
typedef int32_t redoubt_text_kind;

enum {
    /** What the last call that failed has to say. */
    REDOUBT_TEXT_MESSAGE = 0,
    /** The last answer that is a text. */
    REDOUBT_TEXT_ANSWER = 1,
    REDOUBT_TEXT_KINDS = 2
};

/**
 * Copies `length` bytes to the calling thread's text of this kind, adds a NUL, and returns it; valid until the next one
 * of the kind, or the thread's end. NULL if memory lacks; the text is then the one before.
 */
const char *redoubt_keep_text(redoubt_text_kind kind, const void *bytes, size_t length);

#endif
