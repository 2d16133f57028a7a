/* SPDX-License-Identifier: Apache-2.0 */
#include "packages.h"
#include "../base/str.h"
#include <ctype.h>
#include <stdio.h>
#include <string.h>

static const struct package {
    const char *name, *how, *modules, *registered, *classes;
} packages[] = {
#define KF_PACKAGE(name, how, modules, registered, classes)                                        \
    {name, how, modules, registered, classes},
#include "packages.def"
#undef KF_PACKAGE
};

#define N_PACKAGES (sizeof(packages) / sizeof(packages[0]))

/* True when the part of `text` before `end` is a word of `list`. */
static bool begins_in(const char *list, const char *text, char end)
{
    const char *behind = text ? strchr(text, end) : NULL;
    char word[64];
    size_t n;

    if (!text)
        return false;
    n = behind ? (size_t)(behind - text) : strlen(text);
    if (n == 0 || n >= sizeof(word) || (!behind && end == '>'))
        return false;
    memcpy(word, text, n);
    word[n] = '\0';
    return kf_in_words(list, word);
}

/* As kf_in_words(), with a "*" for whatever follows. */
static bool in_patterns(const char *list, const char *word)
{
    while (*list) {
        size_t n = strcspn(list, " ");
        bool open = n > 0 && list[n - 1] == '*';

        if (open ? strncmp(list, word, n - 1) == 0 : strlen(word) == n && !memcmp(list, word, n))
            return true;
        list += n + (list[n] == ' ');
    }
    return false;
}

static const char *hint(char text[KF_PACKAGE_TEXT], const char *what, const struct package *found)
{
    snprintf(text, KF_PACKAGE_TEXT, "%s %s (%s)", what, found->name, found->how);
    return text;
}

const char *kf_package_hint(const struct kf_layer *layer, char text[KF_PACKAGE_TEXT])
{
    const char *behind = strrchr(layer->class_name, '>');
    const char *class_name = behind ? behind + 1 : layer->class_name;

    for (size_t i = 0; i < N_PACKAGES; i++)
        if (begins_in(packages[i].modules, layer->module, '.') ||
            begins_in(packages[i].registered, layer->registered_name, '>') ||
            begins_in(packages[i].registered, layer->class_name, '>'))
            return hint(text, ": it is of", &packages[i]);
    for (size_t i = 0; i < N_PACKAGES; i++)
        if (in_patterns(packages[i].classes, class_name))
            return hint(text, ": there is one of that name in", &packages[i]);
    return "";
}

/* Whether a name in snake case is that of a class; what has a "*" behind it is none. */
static bool is_snake_of(const char *name, size_t n, const char *class_name, size_t length)
{
    size_t k = 0;

    for (size_t i = 0; i < n; i++)
        if (name[i] != '_' && (k >= length || tolower((unsigned char)class_name[k++]) != name[i]))
            return false;
    return k == length;
}

const char *kf_package_hint_named(const char *name, size_t n, char text[KF_PACKAGE_TEXT])
{
    for (size_t i = 0; i < N_PACKAGES && memchr(name, '_', n); i++)
        for (const char *at = packages[i].classes; *at;) {
            size_t length = strcspn(at, " ");

            if (is_snake_of(name, n, at, length)) {
                snprintf(text, KF_PACKAGE_TEXT, "%.*s of %s (%s)", (int)length, at,
                         packages[i].name, packages[i].how);
                return text;
            }
            at += length + (at[length] == ' ');
        }
    return NULL;
}
