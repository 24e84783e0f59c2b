#include "model/scopes.h"

#include <stdlib.h>
#include <string.h>

#include "base/grow.h"
#include "model/model_state.h"

#define ENGINE "autograd::engine::evaluate_function: "

void mt_scopes_release(struct mt_scopes *scopes)
{
    mt_dict_release(&scopes->by_thread);
    free(scopes->top);
    free(scopes->scope);
    free(scopes->forward);
}

/* ---- the tree ---- */

static uint32_t take(struct mt_scopes *scopes)
{
    uint32_t scope = scopes->spare;
    if (scope) {
        scopes->spare = scopes->scope[scope].parent;
        return scope;
    }
    if (!MT_ROOM(scopes->scope, scopes->n + 1, scopes->room, 64)) /* the first is none */
        return 0;
    return ++scopes->n;
}

/* Forward scopes have no forward ones themselves: that is as deep as it goes. */
void mt_scopes_drop(struct mt_scopes *scopes, uint32_t scope)
{
    while (scope && --scopes->scope[scope].refs == 0) {
        struct mt_scope *gone = &scopes->scope[scope];
        uint32_t parent = gone->parent;
        if (gone->forward)
            mt_scopes_drop(scopes, gone->forward);
        gone->parent = scopes->spare;
        scopes->spare = scope;
        scope = parent;
    }
}

static uint32_t hold(struct mt_scopes *scopes, uint32_t scope)
{
    if (scope)
        scopes->scope[scope].refs++;
    return scope;
}

/* ---- threads ---- */

static uint32_t *top_of(const struct mt_scopes *scopes, uint32_t thread)
{
    const uint64_t *place = mt_dict_find(&scopes->by_thread, thread);
    return place && *place ? &scopes->top[*place - 1] : NULL;
}

/* The same, made where there is none; NULL where memory is out. */
static uint32_t *make_top(struct mt_scopes *scopes, uint32_t thread)
{
    uint64_t *place = mt_dict_add(&scopes->by_thread, thread);
    if (!place || *place)
        return place ? &scopes->top[*place - 1] : NULL;
    if (!MT_ROOM(scopes->top, scopes->tops, scopes->tops_room, 16))
        return NULL;
    *place = ++scopes->tops;
    scopes->top[*place - 1] = 0;
    return &scopes->top[*place - 1];
}

uint32_t mt_scopes_hold(struct mt_scopes *scopes, uint32_t thread)
{
    const uint32_t *top = top_of(scopes, thread);
    return top ? hold(scopes, *top) : 0;
}

void mt_scopes_leave(struct mt_scopes *scopes)
{
    for (uint32_t i = 0; i < scopes->tops; i++) {
        mt_scopes_drop(scopes, scopes->top[i]);
        scopes->top[i] = 0;
    }
}

/* ---- PyTorch's numbers ---- */

/* Where the name ends and what differs from call to call begins. */
static size_t stem(const char *text)
{
    const char *number = strstr(text, ", seq = "), *id = strstr(text, ", op_id = ");
    const char *end = number && (!id || number < id) ? number : id;
    return end ? (size_t)(end - text) : strlen(text);
}

static bool has_number(const char *text, uint64_t *number)
{
    const char *found = strstr(text, ", seq = ");
    if (!found || found[8] < '0' || found[8] > '9')
        return false;
    *number = strtoull(found + 8, NULL, 10);
    return true;
}

static bool is_backward(const char *text)
{
    const char *found = strstr(text, "Backward");
    return strncmp(text, ENGINE, sizeof ENGINE - 1) == 0 ||
           (found && (size_t)(found - text) < stem(text));
}

/* A forward function's. Numbers are each thread's own: one that two of them used says nothing. */
static void remember(struct mt_scopes *scopes, struct mt_forward *entry, uint64_t number,
                     uint32_t scope, uint32_t thread)
{
    bool again = scopes->scope[scope].backward; /* done once more on the way back */
    bool unsure =
        entry->number == number && (entry->unsure || (entry->scope && entry->thread != thread));
    uint32_t before = entry->scope;
    if (again && !unsure)
        return;
    *entry = (struct mt_forward){number, unsure ? 0 : hold(scopes, scope), thread, unsure};
    mt_scopes_drop(scopes, before);
}

static bool number_scope(struct mt_scopes *scopes, uint32_t scope, uint32_t thread)
{
    struct mt_scope *it = &scopes->scope[scope];
    const char *text = scopes->text(scopes->context, it->name);
    uint64_t number;
    if (!text || !has_number(text, &number))
        return true;
    if (!scopes->forward)
        scopes->forward = calloc(MT_FORWARDS, sizeof *scopes->forward);
    if (!scopes->forward)
        return false;
    struct mt_forward *entry = &scopes->forward[number % MT_FORWARDS];
    if (!is_backward(text)) {
        remember(scopes, entry, number, scope, thread);
        return true;
    }
    it->backward = true;
    if (entry->number == number)
        it->forward = hold(scopes, entry->scope);
    return true;
}

uint32_t mt_scopes_forward(const struct mt_scopes *scopes, uint32_t scope)
{
    while (scope && !scopes->scope[scope].forward)
        scope = scopes->scope[scope].parent;
    return scope ? scopes->scope[scope].forward : 0;
}

/* ---- push and pop ---- */

/* A new one in `parent`, which it holds from now on; 0 where memory is out. */
static uint32_t add(struct mt_scopes *scopes, uint32_t parent, uint64_t name, uint64_t domain)
{
    uint32_t scope = take(scopes);
    if (scope)
        scopes->scope[scope] = (struct mt_scope){
            .name = name,
            .domain = domain,
            .parent = parent,
            .refs = 1,
            .backward = parent && scopes->scope[parent].backward,
        };
    return scope;
}

bool mt_scopes_push(struct mt_scopes *scopes, uint32_t thread, uint64_t name, uint64_t domain)
{
    uint32_t *top = make_top(scopes, thread);
    uint32_t scope = top ? add(scopes, *top, name, domain) : 0;
    if (!scope)
        return false;
    *top = scope;
    return number_scope(scopes, scope, thread);
}

/* What lies between `inner` and the one around it that ends, outermost first. */
static uint32_t *between(const struct mt_scopes *scopes, uint32_t inner, uint32_t ends, uint32_t *n)
{
    *n = 0;
    for (uint32_t i = inner; i != ends; i = scopes->scope[i].parent)
        ++*n;
    uint32_t *chain = calloc(*n + 1, sizeof *chain);
    for (uint32_t i = inner, left = *n; chain && left; i = scopes->scope[i].parent)
        chain[--left] = i;
    return chain;
}

/* A thread's scope without one that ends around it: those of other domains in between are made
 * again, for blocks hold them as they were. */
static bool rebuild(struct mt_scopes *scopes, uint32_t *top, uint32_t ends)
{
    uint32_t n, inner = *top;
    uint32_t *chain = between(scopes, inner, ends, &n);
    bool done = chain != NULL;
    *top = hold(scopes, scopes->scope[ends].parent);
    for (uint32_t i = 0; done && i < n; i++) {
        const struct mt_scope old = scopes->scope[chain[i]];
        uint32_t again = add(scopes, *top, old.name, old.domain);
        done = again != 0;
        if (!done)
            break;
        scopes->scope[again].backward |= old.backward;
        scopes->scope[again].forward = hold(scopes, old.forward);
        *top = again;
    }
    free(chain);
    mt_scopes_drop(scopes, inner);
    return done;
}

/* What was pushed before the recording is popped in it: such an end finds nothing. */
bool mt_scopes_pop(struct mt_scopes *scopes, uint32_t thread, uint64_t domain)
{
    uint32_t *top = top_of(scopes, thread);
    uint32_t inner = top ? *top : 0, ends = inner;
    while (ends && scopes->scope[ends].domain != domain)
        ends = scopes->scope[ends].parent;
    if (ends && ends != inner)
        return rebuild(scopes, top, ends);
    if (ends) {
        *top = hold(scopes, scopes->scope[ends].parent);
        mt_scopes_drop(scopes, ends);
    }
    return true;
}

/* ---- text ---- */

#define MORE ".../"
#define MORE_BYTES (sizeof MORE - 1)

static const char *name_of(const struct mt_scopes *scopes, uint32_t scope, size_t *length)
{
    uint64_t name = scopes->scope[scope].name;
    const char *text = name ? scopes->text(scopes->context, name) : "(no name)";
    text = text ? text : "(name lost)";
    *length = stem(text);
    return text;
}

/* The first bytes of a text that fit, no character cut in two. */
static size_t fitting(const char *text, size_t length, size_t room)
{
    if (length <= room)
        return length;
    while (room && (text[room] & 0xc0) == 0x80)
        room--;
    return room;
}

/* Its ranges, outermost first, with slashes in between and without PyTorch's numbers; what does not
 * fit is left out on the outside, so it is written from its end. In `buffer`; NULL for none. */
static const char *path_of(const struct mt_scopes *scopes, uint32_t scope, char *buffer,
                           size_t size)
{
    char *at = buffer + size - 1, *begin = buffer + MORE_BYTES;
    size_t length;
    if (!scope)
        return NULL;
    const char *text = name_of(scopes, scope, &length);
    length = fitting(text, length, (size_t)(at - begin));
    *at = 0;
    at -= length;
    memcpy(at, text, length);
    while ((scope = scopes->scope[scope].parent) != 0) {
        text = name_of(scopes, scope, &length);
        if (length + 1 > (size_t)(at - begin))
            return memcpy(at - MORE_BYTES, MORE, MORE_BYTES);
        *--at = '/';
        at -= length;
        memcpy(at, text, length);
    }
    return at;
}

/* ---- of the model ---- */

void mt_model_follow_ranges(struct mt_model *model, mt_scope_name *text, void *context)
{
    model->scopes.text = text;
    model->scopes.context = context;
}

const char *mt_model_range(const struct mt_model *model, const struct mt_block *block, char *buffer,
                           size_t size)
{
    return path_of(&model->scopes, block->scope, buffer, size);
}

const char *mt_model_forward_range(const struct mt_model *model, const struct mt_block *block,
                                   char *buffer, size_t size)
{
    uint32_t forward = mt_scopes_forward(&model->scopes, block->scope);
    return path_of(&model->scopes, forward, buffer, size);
}

#define AS(name) ((const struct mt_ev_##name *)(const void *)record->word)

void mt_scopes_note(struct mt_model *model, const struct mt_record *record, uint32_t thread)
{
    bool done = true;
    if (!model->scopes.text)
        return;
    if (record->kind == MT_range_push)
        done = mt_scopes_push(&model->scopes, thread, AS(range_push)->name, AS(range_push)->domain);
    else
        done = mt_scopes_pop(&model->scopes, thread, AS(range_pop)->domain);
    if (!done)
        mt_model_note(model, MT_ERR_MEMORY);
}
