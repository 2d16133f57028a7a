/* SPDX-License-Identifier: Apache-2.0 */
#include "clients.h"
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

struct client {
    struct client *next;
    uint64_t requests;
    char name[];
};

struct clients {
    pthread_mutex_t lock;
    struct client *first; /* no more than there are connections */
};

struct clients *clients_create(void)
{
    struct clients *clients = calloc(1, sizeof *clients);

    if (clients)
        pthread_mutex_init(&clients->lock, NULL);
    return clients;
}

void clients_destroy(struct clients *clients)
{
    if (!clients)
        return;
    pthread_mutex_destroy(&clients->lock);
    free(clients);
}

/* The link to a client, or to the end of the list. Called under the lock, as those below. */
static struct client **find(struct clients *clients, const char *name)
{
    struct client **link = &clients->first;

    while (*link && strcmp((*link)->name, name) != 0)
        link = &(*link)->next;
    return link;
}

static bool enter(struct client **link, const char *name, uint64_t most)
{
    size_t n = strlen(name) + 1;

    if (!*link) {
        *link = calloc(1, sizeof **link + n);
        if (!*link)
            return false;
        memcpy((*link)->name, name, n);
    }
    if (most > 0 && (*link)->requests >= most)
        return false;
    (*link)->requests++;
    return true;
}

bool clients_enter(struct clients *clients, const char *client, uint64_t most)
{
    bool ok;

    pthread_mutex_lock(&clients->lock);
    ok = enter(find(clients, client), client, most);
    pthread_mutex_unlock(&clients->lock);
    return ok;
}

void clients_leave(struct clients *clients, const char *client)
{
    struct client **link, *gone = NULL;

    pthread_mutex_lock(&clients->lock);
    link = find(clients, client);
    if (*link && --(*link)->requests == 0) {
        gone = *link;
        *link = gone->next;
    }
    pthread_mutex_unlock(&clients->lock);
    free(gone);
}
