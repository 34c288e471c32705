#include "include/redoubt_texts.h"

#include "include/redoubt.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

const char *redoubt_version(void) { return REDOUBT_VERSION; }

uint32_t redoubt_abi_version(void) { return REDOUBT_ABI_VERSION; }

/* The texts of one thread; freed when it ends. */
typedef struct {
    char *bytes[REDOUBT_TEXT_KINDS];
    size_t capacity[REDOUBT_TEXT_KINDS];
} thread_texts;

static pthread_key_t texts_key;
static pthread_once_t texts_once = PTHREAD_ONCE_INIT;
static int has_key;

static void free_texts(void *pointer) {
    thread_texts *texts = pointer;
    for (int kind = 0; kind < REDOUBT_TEXT_KINDS; kind++) free(texts->bytes[kind]);
    free(texts);
}

static void make_key(void) { has_key = pthread_key_create(&texts_key, free_texts) == 0; }

static thread_texts *own_texts(int wants) {
    pthread_once(&texts_once, make_key);
    if (!has_key) return NULL;
    thread_texts *texts = pthread_getspecific(texts_key);
    if (texts != NULL || !wants) return texts;
    texts = calloc(1, sizeof *texts);
    if (texts != NULL && pthread_setspecific(texts_key, texts) != 0) {
        free(texts);
        texts = NULL;
    }
    return texts;
}

const char *redoubt_keep_text(redoubt_text_kind kind, const void *bytes, size_t length) {
    thread_texts *texts = own_texts(1);
    if (texts == NULL) return NULL;
    if (texts->capacity[kind] <= length) {
        char *larger = realloc(texts->bytes[kind], length + 1);
        if (larger == NULL) return NULL;
        texts->bytes[kind] = larger;
        texts->capacity[kind] = length + 1;
    }
    if (length > 0) memcpy(texts->bytes[kind], bytes, length);
    texts->bytes[kind][length] = 0;
    return texts->bytes[kind];
}

const char *redoubt_message(void) {
    thread_texts *texts = own_texts(0);
    if (texts == NULL || texts->bytes[REDOUBT_TEXT_MESSAGE] == NULL) return "";
    return texts->bytes[REDOUBT_TEXT_MESSAGE];
}
