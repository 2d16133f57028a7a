/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "auto.h"
#include "credentials.h"
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SECTION_MAX 160

/* What a profile may say that leads to keys in a way which is not taken. */
static const char *const others[] = {"role_arn", "credential_process", "sso_session",
                                     "sso_start_url", "login_session"};

/* ~/.aws/NAME, or what the environment names. */
static char *find_file(const char *variable, const char *name)
{
    const char *named = credentials_variable(variable), *home = credentials_variable("HOME");
    char path[PATH_MAX];

    if (named)
        return credentials_read(named);
    if (!home || snprintf(path, sizeof path, "%s/.aws/%s", home, name) >= (int)sizeof path)
        return NULL;
    return credentials_read(path);
}

static char *trim(char *text)
{
    size_t n;

    text += strspn(text, " \t");
    for (n = strlen(text); n > 0 && strchr(" \t\r", text[n - 1]); n--)
        text[n - 1] = '\0';
    return text;
}

static void take(struct credentials *out, const char *key, const char *value, const char **other)
{
    if (strcmp(key, "aws_access_key_id") == 0)
        snprintf(out->id, sizeof out->id, "%s", value);
    else if (strcmp(key, "aws_secret_access_key") == 0)
        snprintf(out->secret, sizeof out->secret, "%s", value);
    else if (strcmp(key, "aws_session_token") == 0)
        snprintf(out->token, sizeof out->token, "%s", value);
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        if (strcmp(key, others[i]) == 0)
            *other = others[i];
}

/* The lines below "[section]". */
static void read_section(char *text, const char *section, struct credentials *out,
                         const char **other)
{
    bool in = false;
    char *line;

    while ((line = strsep(&text, "\n"))) {
        char *equals;

        line = trim(line);
        if (*line == '[')
            in = strncmp(line, section, strlen(section)) == 0 && line[strlen(section)] == '\0';
        equals = strchr(line, '=');
        if (!in || !equals || *line == '#' || *line == ';')
            continue;
        *equals = '\0';
        take(out, trim(line), trim(equals + 1), other);
    }
}

int credentials_of_files(struct remote_task *task, struct credentials *out)
{
    const char *profile = credentials_variable("AWS_PROFILE"), *other = NULL;
    const char *name = profile ? profile : "default";
    char section[SECTION_MAX];
    char *config = find_file("AWS_CONFIG_FILE", "config");
    char *keys = find_file("AWS_SHARED_CREDENTIALS_FILE", "credentials");

    snprintf(section, sizeof section, strcmp(name, "default") == 0 ? "[%s]" : "[profile %s]", name);
    if (config)
        read_section(config, section, out, &other);
    snprintf(section, sizeof section, "[%s]", name);
    if (keys)
        read_section(keys, section, out, &other);
    free(config);
    free(keys);
    out->source = "file";
    if (out->id[0] != '\0' && out->secret[0] != '\0')
        return 1;
    if (other)
        return remote_fail(&task->failure, "credentials-unavailable",
                           "the profile %s has %s, which is not taken: give it keys, or use web "
                           "identity",
                           name, other);
    if (profile)
        return remote_fail(&task->failure, "credentials-unavailable",
                           "AWS_PROFILE names %s, which has no keys in ~/.aws", name);
    return 0;
}
