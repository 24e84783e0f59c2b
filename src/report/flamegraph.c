/* A flame graph, root at the top: the width of a box is its weight. The file holds drawing, style
 * and script; it opens in any browser from the disk, and as a picture where scripts do not run. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "report/flametree.h"
#include "report/formats.h"
#include "report/number.h"
#include "report/stacksinks.h"
#include "report/utf8.h"

#define WIDTH 1200.0 /* of the picture, and of the root but for the margins */
#define MARGIN 10.0
#define HEAD 66u /* above the first row */
#define ROW 18u
#define LETTER 6.7      /* width of a letter of the labels' font */
#define NARROW 0.1      /* boxes below this width are left out: nobody could see them */
#define DEPTH_MAX 1024u /* rows */

struct flame {
    struct mt_stream stream; /* rows: stacks that came */
    const char *weight;
    size_t frames_column, weight_column;
    struct mt_flame_title title;
    struct mt_flame_tree tree;
};

/* What is drawn at the moment. */
struct box {
    uint32_t node, depth;
    double x;
};

static struct flame *flame_of(struct mt_sink *sink)
{
    return (struct flame *)(void *)sink;
}

static int begin(struct mt_sink *sink, const struct mt_table *table)
{
    struct flame *flame = flame_of(sink);
    flame->frames_column = (size_t)(mt_table_column(table, "frames") - table->columns);
    flame->weight_column = (size_t)(mt_table_column(table, flame->weight) - table->columns);
    return 0;
}

static int row(struct mt_sink *sink, const struct mt_table *table, const struct mt_value *cells)
{
    struct flame *flame = flame_of(sink);
    uint64_t weight = cells[flame->weight_column].u;
    (void)table;
    flame->stream.rows++;
    return weight ? mt_flame_tree_add(&flame->tree, cells[flame->frames_column].s, weight) : 0;
}

/* ---- text ---- */

static void escape(struct mt_output *output, unsigned char byte)
{
    const char *entity = byte == '<'   ? "&lt;"
                         : byte == '>' ? "&gt;"
                         : byte == '&' ? "&amp;"
                         : byte == '"' ? "&quot;"
                                       : NULL;
    if (entity)
        mt_put_string(output, entity);
    else
        mt_escape_hex(output, byte);
}

static void put_text(struct mt_output *output, const char *text)
{
    mt_put_escaped(output, text, "<>&\"", escape);
}

static const char *readable(const struct flame *flame, char buffer[MT_HUMAN_MAX], uint64_t weight)
{
    return flame->title.bytes ? mt_human_bytes(buffer, weight) : mt_human_count(buffer, weight);
}

/* "function (folders/file:line)" without the folders, cut to `letters`; to be freed. The script
 * does the same when boxes grow. */
static char *label_of(const char *name, size_t letters)
{
    const char *open = strstr(name, " ("), *slash = open ? strrchr(open, '/') : NULL;
    char *label = NULL;
    int length = slash ? asprintf(&label, "%.*s (%s", (int)(open - name), name, slash + 1)
                       : asprintf(&label, "%s", name);
    size_t at = 0, seen = 0;
    if (length < 0)
        return NULL;
    while (label[at] && seen < letters) {
        size_t character = mt_utf8_length(label + at);
        at += character ? character : 1;
        seen++;
    }
    label[at] = 0;
    return label;
}

/* Python warm, native cold, what has no name grey; neighbours differ a little. */
static void put_color(struct mt_output *output, const char *name)
{
    unsigned sum = 0;
    for (const char *at = name; *at; at++)
        sum = sum * 31 + (unsigned char)*at;
    if (*name == '(' || strcmp(name, "all") == 0) { /* what stands for frames, and is none */
        mt_put_string(output, "#e4e4e4");
        return;
    }
    bool python = strstr(name, ".py:") != NULL || strstr(name, "(<") != NULL;
    bool named = strstr(name, " (") != NULL || strstr(name, "::") != NULL || !strchr(name, '+');
    unsigned hue = python ? 28 + sum % 18 : 190 + sum % 30;
    mt_printf(output, "hsl(%u,%u%%,%u%%)", hue, named || python ? 65 + sum % 13 : 0,
              68 + sum / 13 % 10);
}

/* ---- drawing ---- */

static void put_head(const struct flame *flame, struct mt_output *output, uint32_t rows)
{
    uint32_t height = HEAD + rows * ROW + 16;
    mt_printf(output,
              "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
              "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"1200\" height=\"%u\" "
              "viewBox=\"0 0 1200 %u\" font-family=\"Verdana, DejaVu Sans, sans-serif\">\n"
              "<style>.f{cursor:pointer}.f text{font:11px monospace;pointer-events:none}"
              ".f:hover rect{stroke:#000}.found rect{fill:#e040fb}.b{cursor:pointer;fill:#06c}"
              "</style>\n<rect width=\"1200\" height=\"%u\" fill=\"#fff\"/>\n"
              "<text x=\"10\" y=\"24\" font-size=\"16\">",
              height, height, height);
    put_text(output, flame->title.title);
    mt_put_string(output, "</text>\n<text x=\"10\" y=\"44\" font-size=\"12\" fill=\"#555\">");
    put_text(output, flame->title.subtitle);
    mt_put_string(output,
                  "</text>\n<text class=\"b\" id=\"reset\" x=\"1080\" y=\"24\" font-size=\"12\" "
                  "visibility=\"hidden\">reset zoom</text>\n<text class=\"b\" id=\"search\" "
                  "x=\"1080\" y=\"44\" font-size=\"12\" visibility=\"hidden\">search</text>\n");
}

static void put_box(const struct flame *flame, struct mt_output *output, const struct box *box,
                    double width)
{
    const struct mt_flame_node *node = &flame->tree.node[box->node];
    char weight[MT_HUMAN_MAX], share[MT_HUMAN_MAX];
    unsigned y = HEAD + box->depth * ROW;
    double all = (double)flame->tree.node[0].weight;
    size_t letters = width > 3 * LETTER + 6 ? (size_t)((width - 6) / LETTER) : 0;
    char *label = letters ? label_of(node->name, letters) : NULL;
    mt_put_string(output, "<g class=\"f\"><title>");
    put_text(output, node->name);
    mt_printf(output,
              "\n%s, %s</title><rect x=\"%.2f\" y=\"%u\" width=\"%.2f\" height=\"%u\" "
              "rx=\"1\" fill=\"",
              readable(flame, weight, node->weight),
              mt_human_share(share, (double)node->weight / all), box->x, y,
              width > 1 ? width - 0.5 : width, ROW - 1);
    put_color(output, node->name);
    mt_printf(output, "\"/><text x=\"%.2f\" y=\"%u\">", box->x + 3, y + 13);
    if (label)
        put_text(output, label);
    mt_put_string(output, "</text></g>\n");
    free(label);
}

static double width_of(const struct flame *flame, uint32_t node)
{
    return (WIDTH - 2 * MARGIN) * (double)flame->tree.node[node].weight /
           (double)flame->tree.node[0].weight;
}

/* Every box that can be seen, depth first; with `output` NULL they are only counted: how many rows
 * there are. */
static uint32_t draw(const struct flame *flame, struct mt_output *output)
{
    static struct box stack[DEPTH_MAX]; /* the way from the root */
    uint32_t depth = 0, rows = 0;
    stack[0] = (struct box){0, 0, MARGIN};
    for (;;) {
        struct box *box = &stack[depth];
        double width = width_of(flame, box->node);
        bool seen = width >= NARROW;
        uint32_t child = seen ? flame->tree.node[box->node].child : 0;
        rows = seen && depth + 1 > rows ? depth + 1 : rows;
        if (seen && output)
            put_box(flame, output, box, width);
        if (child && depth + 1 < DEPTH_MAX) {
            stack[depth + 1] = (struct box){child, depth + 1, box->x};
            depth++;
            continue;
        }
        while (depth > 0 && flame->tree.node[stack[depth].node].sibling == 0)
            depth--;
        if (depth == 0)
            return rows;
        stack[depth].x += width_of(flame, stack[depth].node);
        stack[depth].node = flame->tree.node[stack[depth].node].sibling;
    }
}

/* A click makes a box as wide as the picture, with its callers above and its callees below. */
static const char script[] =
    "<script><![CDATA[\n"
    "(function () {\n"
    "  var boxes = [].map.call(document.querySelectorAll('.f'), function (g) {\n"
    "    var r = g.querySelector('rect'), name = g.querySelector('title').textContent;\n"
    "    name = name.slice(0, name.lastIndexOf('\\n'));\n"
    "    return {g: g, r: r, t: g.querySelector('text'), name: name,\n"
    "            label: name.replace(/ \\(.*\\//, ' ('),\n"
    "            x: +r.getAttribute('x'), w: +r.getAttribute('width'), y: +r.getAttribute('y')};\n"
    "  });\n"
    "  var whole = boxes[0], reset = document.getElementById('reset');\n"
    "  var search = document.getElementById('search');\n"
    "  function zoom(to) {\n"
    "    var scale = whole.w / to.w;\n"
    "    boxes.forEach(function (b) {\n"
    "      var above = b.y < to.y && b.x <= to.x + 0.01 && b.x + b.w + 0.6 >= to.x + to.w;\n"
    "      var inside = b.y >= to.y && b.x >= to.x - 0.01 && b.x + b.w <= to.x + to.w + 0.6;\n"
    "      var x = above ? whole.x : whole.x + (b.x - to.x) * scale;\n"
    "      var w = above ? whole.w : b.w * scale, fits = Math.floor((w - 6) / 6.7);\n"
    "      b.g.style.display = above || inside ? '' : 'none';\n"
    "      b.g.style.opacity = above ? 0.5 : 1;\n"
    "      b.r.setAttribute('x', x);\n"
    "      b.r.setAttribute('width', Math.min(w, whole.w));\n"
    "      b.t.setAttribute('x', x + 3);\n"
    "      b.t.textContent = fits >= 3 ? b.label.slice(0, fits) : '';\n"
    "    });\n"
    "    reset.setAttribute('visibility', to === whole ? 'hidden' : 'visible');\n"
    "  }\n"
    "  boxes.forEach(function (b) { b.g.addEventListener('click', function () { zoom(b); }); });\n"
    "  reset.addEventListener('click', function () { zoom(whole); });\n"
    "  search.setAttribute('visibility', 'visible');\n"
    "  search.addEventListener('click', function () {\n"
    "    var text = (prompt('Mark the boxes whose name contains') || '').toLowerCase();\n"
    "    boxes.forEach(function (b) {\n"
    "      var found = text && b.name.toLowerCase().indexOf(text) >= 0;\n"
    "      b.g.setAttribute('class', found ? 'f found' : 'f');\n"
    "    });\n"
    "  });\n"
    "}());\n"
    "]]></script>\n";

static int finish(struct mt_sink *sink, const struct mt_table *table)
{
    struct flame *flame = flame_of(sink);
    struct mt_output *output = flame->stream.output;
    (void)table;
    if (flame->stream.rows == 0)
        return 0;
    if (flame->tree.nodes == 0) /* no stack has any weight: an empty picture */
        RETURN_IF_ERROR(mt_flame_tree_add(&flame->tree, "", 1));
    RETURN_IF_ERROR(mt_flame_tree_sort(&flame->tree));
    put_head(flame, output, draw(flame, NULL));
    draw(flame, output);
    mt_put_string(output, script);
    mt_put_string(output, "</svg>\n");
    return mt_output_close(output);
}

static void flame_free(struct mt_sink *sink)
{
    mt_flame_tree_release(&flame_of(sink)->tree);
    mt_output_free(flame_of(sink)->stream.output);
    free(sink);
}

struct mt_sink *mt_flame_sink_new(struct mt_output *output, const char *weight,
                                  const struct mt_flame_title *title)
{
    struct flame *flame = calloc(1, sizeof *flame);
    if (!flame) {
        mt_output_free(output);
        return NULL;
    }
    flame->stream.sink =
        (struct mt_sink){.begin = begin, .row = row, .end = finish, .free = flame_free};
    flame->stream.output = output;
    flame->weight = weight;
    flame->title = *title;
    return &flame->stream.sink;
}
