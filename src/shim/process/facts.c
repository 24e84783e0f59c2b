#include "shim/process/facts.h"

#include <fcntl.h>
#include <link.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "shim/process/config.h"
#include "shim/process/ranks.h"

static bool add_bytes(struct mt_facts *facts, const char *bytes, size_t size)
{
    if (facts->capacity - facts->size < size)
        return false;
    memcpy(facts->text + facts->size, bytes, size);
    facts->size += size;
    return true;
}

void mt_facts_add(struct mt_facts *facts, const char *key, const char *format, ...)
{
    size_t start = facts->size;
    va_list arguments;
    if (!add_bytes(facts, key, strlen(key) + 1))
        return;
    size_t room = facts->capacity - facts->size;
    va_start(arguments, format);
    int length = vsnprintf(facts->text + facts->size, room, format, arguments);
    va_end(arguments);
    if (length < 0 || (size_t)length >= room)
        facts->size = start;
    else
        facts->size += (size_t)length + 1;
}

/* ---- the process ---- */

static bool is_plain(const char *word)
{
    return *word && !word[strspn(word, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                                       "0123456789%+,-./:=@_")];
}

/* One argument as a shell would need it; `room` holds four times its length and three more. */
static char *quote(char *to, const char *word)
{
    if (is_plain(word))
        return stpcpy(to, word);
    *to++ = '\'';
    for (; *word; word++)
        if (*word == '\'')
            to = stpcpy(to, "'\\''");
        else
            *to++ = *word;
    *to++ = '\'';
    *to = 0;
    return to;
}

static void add_command(struct mt_facts *facts)
{
    static char words[4096], line[4 * sizeof words + 16]; /* the thread's stack may be small */
    int fd = open("/proc/self/cmdline", O_RDONLY | O_CLOEXEC);
    ssize_t size = fd < 0 ? 0 : read(fd, words, sizeof words - 1);
    char *to = line;
    if (fd >= 0)
        close(fd);
    size = size < 0 ? 0 : size;
    words[size] = 0;
    *to = 0;
    for (const char *word = words; word < words + size && to < line + sizeof line / 2;
         word += strlen(word) + 1) {
        if (to != line)
            *to++ = ' ';
        to = quote(to, word);
    }
    mt_facts_add(facts, "command", "%s", line);
}

static void add_told(struct mt_facts *facts, const char *key, const char *value)
{
    if (value)
        mt_facts_add(facts, key, "%s", value);
}

static void add_names(struct mt_facts *facts)
{
    static char exe[4096];
    char host[256] = "";
    ssize_t length = readlink("/proc/self/exe", exe, sizeof exe - 1);
    gethostname(host, sizeof host - 1);
    mt_facts_add(facts, "host", "%s", host);
    if (length > 0)
        mt_facts_add(facts, "exe", "%.*s", (int)length, exe);
    add_told(facts, "rank", mt_rank());
    add_told(facts, "local_rank", mt_rank_local());
    add_told(facts, "world_size", mt_rank_world());
    if (*mt_config.SESSION)
        mt_facts_add(facts, "session", "%s", mt_config.SESSION);
}

static void add_start(struct mt_facts *facts)
{
    char text[32];
    time_t now = time(NULL);
    struct tm utc;
    if (gmtime_r(&now, &utc) && strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &utc))
        mt_facts_add(facts, "start_time", "%s", text);
}

static void add_settings(struct mt_facts *facts)
{
#define TEXT(name, option, standard, argument, doc)
#define NUMBER(name, option, standard, least, most, unit, doc)                                     \
    mt_facts_add(facts, "setting." #name, "%ld", mt_config.name);
#define SWITCH(name, option, standard, doc)                                                        \
    mt_facts_add(facts, "setting." #name, "%d", mt_config.name);
#define CHOICE(name, option, standard, words, doc)                                                 \
    mt_facts_add(facts, "setting." #name, "%s", mt_config.name);
#include "shim/process/config.def"
}

void mt_facts_process(struct mt_facts *facts)
{
    mt_facts_add(facts, "memtrace_version", "%s", MEMTRACE_VERSION);
    mt_facts_add(facts, "pid", "%d", (int)getpid());
    add_command(facts);
    add_names(facts);
    add_start(facts);
    add_settings(facts);
    mt_facts_functions(facts);
}

/* ---- modules ---- */

struct module_walk {
    struct mt_facts *facts;
    unsigned n;
};

/* Notes of a stripped or packed file may not be in memory. */
static bool is_loaded(const struct dl_phdr_info *info, const ElfW(Phdr) * part)
{
    for (unsigned i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *load = &info->dlpi_phdr[i];
        if (load->p_type == PT_LOAD && load->p_vaddr <= part->p_vaddr &&
            part->p_vaddr + part->p_memsz <= load->p_vaddr + load->p_filesz)
            return true;
    }
    return false;
}

static const unsigned char *find_build_id_note(const char *at, const char *end, uint32_t *size)
{
    while ((size_t)(end - at) >= sizeof(ElfW(Nhdr))) {
        const ElfW(Nhdr) *note = (const void *)at;
        size_t name = (note->n_namesz + 3) & ~(size_t)3, body = (note->n_descsz + 3) & ~(size_t)3;
        at += sizeof *note;
        if (name > (size_t)(end - at) || body > (size_t)(end - at) - name)
            return NULL;
        if (note->n_type == NT_GNU_BUILD_ID && note->n_namesz == 4 && memcmp(at, "GNU", 4) == 0) {
            *size = note->n_descsz;
            return (const unsigned char *)at + name;
        }
        at += name + body;
    }
    return NULL;
}

static const unsigned char *find_build_id(const struct dl_phdr_info *info, uint32_t *size)
{
    for (unsigned i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *segment = &info->dlpi_phdr[i];
        if (segment->p_type != PT_NOTE)
            continue;
        const char *at = (const char *)(info->dlpi_addr + segment->p_vaddr);
        const unsigned char *id =
            is_loaded(info, segment) ? find_build_id_note(at, at + segment->p_memsz, size) : NULL;
        if (id)
            return id;
    }
    return NULL;
}

static int add_module(struct dl_phdr_info *info, size_t size, void *data)
{
    struct module_walk *walk = data;
    char key[24], hex[65] = "";
    uint32_t length = 0;
    const unsigned char *id = find_build_id(info, &length);
    (void)size;
    for (uint32_t i = 0; id && i < length && i < 32; i++)
        snprintf(hex + 2 * i, 3, "%02x", id[i]);
    snprintf(key, sizeof key, "module.%u", walk->n++);
    mt_facts_add(walk->facts, key, "%llx %s %s", (unsigned long long)info->dlpi_addr,
                 *hex ? hex : "-", *info->dlpi_name ? info->dlpi_name : "[exe]");
    return 0;
}

void mt_facts_modules(struct mt_facts *facts)
{
    struct module_walk walk = {.facts = facts};
    dl_iterate_phdr(add_module, &walk);
}
