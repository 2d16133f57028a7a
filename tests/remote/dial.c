/* SPDX-License-Identifier: Apache-2.0
 *
 * Preloaded into kferry by tests: writes down every connection that is tried, answers for names,
 * and lets nothing leave the machine.
 *
 *   KF_DIAL_LOG     file of lines "address port", one for each stream that was to be connected
 *   KF_DIAL_HOSTS   "name=address,address;..."; each question gets the next one, the last stays
 *   KF_DIAL_TO      "address=port;...": such a connection goes to 127.0.0.1:port instead
 *   KF_DIAL_CLOCK   seconds that the clock is wrong
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

/* What stands behind "key=" in a list; false when nothing does. */
static int find(const char *list, const char *key, char *out, size_t max)
{
    size_t n = strlen(key);

    for (; list && *list; list += strcspn(list, ";"), list += *list == ';')
        if (strncmp(list, key, n) == 0 && list[n] == '=') {
            snprintf(out, max, "%.*s", (int)strcspn(list + n + 1, ";"), list + n + 1);
            return 1;
        }
    return 0;
}

/* How often a name was asked for before. */
static int count(const char *name)
{
    static struct {
        char name[256];
        int n;
    } asked[64];
    int n = 0;

    pthread_mutex_lock(&lock);
    for (size_t i = 0; i < sizeof asked / sizeof asked[0]; i++) {
        if (asked[i].name[0] == '\0')
            snprintf(asked[i].name, sizeof asked[i].name, "%s", name);
        if (strcmp(asked[i].name, name) == 0) {
            n = asked[i].n++;
            break;
        }
    }
    pthread_mutex_unlock(&lock);
    return n;
}

int getaddrinfo(const char *node, const char *service, const struct addrinfo *hints,
                struct addrinfo **res)
{
    int (*real)(const char *, const char *, const struct addrinfo *, struct addrinfo **) =
        (int (*)(const char *, const char *, const struct addrinfo *, struct addrinfo **))dlsym(
            RTLD_NEXT, "getaddrinfo");
    struct addrinfo numeric = hints ? *hints : (struct addrinfo){0};
    unsigned char bytes[16];
    char addresses[512], *at = addresses;

    numeric.ai_flags = AI_NUMERICHOST;
    if (!node || inet_pton(AF_INET, node, bytes) == 1 || strchr(node, ':'))
        return real(node, service, &numeric, res);
    if (!find(getenv("KF_DIAL_HOSTS"), node, addresses, sizeof addresses))
        return EAI_NONAME;
    for (int skip = count(node); skip > 0 && strchr(at, ','); skip--)
        at = strchr(at, ',') + 1;
    at[strcspn(at, ",")] = '\0';
    numeric.ai_family = AF_UNSPEC;
    return real(at, service, &numeric, res);
}

time_t time(time_t *out)
{
    const char *wrong = getenv("KF_DIAL_CLOCK");
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    now.tv_sec += wrong ? strtol(wrong, NULL, 10) : 0;
    if (out)
        *out = now.tv_sec;
    return now.tv_sec;
}

static void write_down(const char *text, unsigned port)
{
    const char *path = getenv("KF_DIAL_LOG");
    int fd = path ? open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600) : -1;

    if (fd < 0)
        return;
    dprintf(fd, "%s %u\n", text, port);
    close(fd);
}

int connect(int fd, const struct sockaddr *address, socklen_t n)
{
    int (*real)(int, const struct sockaddr *, socklen_t) =
        (int (*)(int, const struct sockaddr *, socklen_t))dlsym(RTLD_NEXT, "connect");
    struct sockaddr_in local = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    char text[INET6_ADDRSTRLEN] = "", port[16];
    const void *bytes = &((const struct sockaddr_in *)(const void *)address)->sin_addr;
    int kind = 0;
    socklen_t size = sizeof kind;

    getsockopt(fd, SOL_SOCKET, SO_TYPE, &kind, &size);
    if ((address->sa_family != AF_INET && address->sa_family != AF_INET6) || kind != SOCK_STREAM)
        return real(fd, address, n);
    if (address->sa_family == AF_INET6)
        bytes = &((const struct sockaddr_in6 *)(const void *)address)->sin6_addr;
    inet_ntop(address->sa_family, bytes, text, sizeof text);
    write_down(text, ntohs(((const struct sockaddr_in *)(const void *)address)->sin_port));
    if (find(getenv("KF_DIAL_TO"), text, port, sizeof port)) {
        local.sin_port = htons((unsigned short)strtoul(port, NULL, 10));
        return real(fd, (const struct sockaddr *)&local, sizeof local);
    }
    if (strncmp(text, "127.", 4) == 0 || strcmp(text, "::1") == 0)
        return real(fd, address, n);
    errno = ECONNREFUSED;
    return -1;
}
