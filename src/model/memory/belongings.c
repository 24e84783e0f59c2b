/* Memory that belongs to contexts and modules, and what is said of memory. */
#include "model/model_state.h"

#include <string.h>

/* ---- by which function it came ---- */

static enum mt_source source_by_name(struct mt_model *model, uint64_t api)
{
    const char *name = model->api_name ? model->api_name(model->context, api) : "";
    if (strstr(name, "Ipc") || strstr(name, "Import") || strstr(name, "ExternalMemory"))
        return MT_SOURCE_IMPORTED;
    return strstr(name, "Graph")                           ? MT_SOURCE_GRAPH
           : strstr(name, "Async") || strstr(name, "Pool") ? MT_SOURCE_ASYNC
           : strstr(name, "Managed")                       ? MT_SOURCE_MANAGED
                                                           : MT_SOURCE_DRIVER;
}

enum mt_source mt_source_of(struct mt_model *model, uint64_t api)
{
    if (api >= MT_API_SOURCES)
        return source_by_name(model, api);
    if (!model->source_of[api])
        model->source_of[api] = (uint8_t)(source_by_name(model, api) + 1);
    return (enum mt_source)(model->source_of[api] - 1);
}

/* ---- what dies with its context ---- */

void mt_do_context_end(struct mt_model *model, const struct mt_ev_context_end *event)
{
    mt_context_died(model, event);
    mt_host_context_died(model, event->context);
}

/* Asked for again and again, it is there once. */
void mt_do_global(struct mt_model *model, const struct mt_ev_global *event, uint32_t thread)
{
    if (!mt_is_range(model, event->address, event->size) || mt_driver_at(model, event->address))
        return;
    mt_driver_put(model,
                  &(struct mt_birth){.address = event->address,
                                     .extent = event->size,
                                     .stream = event->module,
                                     .device = mt_model_device(event->device),
                                     .api = (uint32_t)event->api,
                                     .context = (uint32_t)event->context,
                                     .source = MT_SOURCE_GLOBAL},
                  thread);
}

static void do_prefetch(struct mt_model *model, const struct mt_ev_prefetch *event)
{
    bool to_host = event->device == MT_DEVICE_UNKNOWN;
    model->counts.prefetches++;
    model->counts.prefetches_to_device_bytes += to_host ? 0 : event->size;
    model->counts.prefetches_to_host_bytes += to_host ? event->size : 0;
}

static void do_pool(struct mt_model *model, const struct mt_ev_pool *event)
{
    model->counts.pool_reports++;
    if (event->reserved > model->counts.pool_peak_reserved_bytes)
        model->counts.pool_peak_reserved_bytes = event->reserved;
}

void mt_do_saying(struct mt_model *model, const struct mt_record *record)
{
    if (record->kind == MT_prefetch)
        do_prefetch(model, (const struct mt_ev_prefetch *)(const void *)record->word);
    else if (record->kind == MT_pool)
        do_pool(model, (const struct mt_ev_pool *)(const void *)record->word);
    else
        model->counts.hints++;
}
