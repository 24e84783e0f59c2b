#include "plot/svg.h"

/* Text as it may stand in XML. */
static void escape(struct mt_output *output, const char *text)
{
    for (; *text; text++) {
        if (*text == '<')
            mt_put_string(output, "&lt;");
        else if (*text == '>')
            mt_put_string(output, "&gt;");
        else if (*text == '&')
            mt_put_string(output, "&amp;");
        else if (*text == '"')
            mt_put_string(output, "&quot;");
        else
            mt_put_char(output, (unsigned char)*text < ' ' ? ' ' : *text);
    }
}

void mt_svg_begin(struct mt_output *output, double width, double height, const char *title,
                  const char *subtitle)
{
    mt_printf(output,
              "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%.0f\" height=\"%.0f\" "
              "viewBox=\"0 0 %.0f %.0f\" font-family=\"DejaVu Sans,Verdana,sans-serif\" "
              "font-size=\"12\" fill=\"#222\">\n"
              "<rect width=\"100%%\" height=\"100%%\" fill=\"#fff\"/>\n"
              "<text x=\"16\" y=\"26\" font-size=\"17\" font-weight=\"bold\">",
              width, height, width, height);
    escape(output, title);
    mt_put_string(output, "</text>\n<text x=\"16\" y=\"45\" fill=\"#555\">");
    escape(output, subtitle);
    mt_put_string(output, "</text>\n");
}

void mt_svg_end(struct mt_output *output)
{
    mt_put_string(output, "</svg>\n");
}

void mt_svg_text(struct mt_output *output, double x, double y, enum mt_anchor anchor,
                 const char *text)
{
    static const char *const anchors[] = {"start", "middle", "end"};
    mt_printf(output, "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"%s\">", x, y, anchors[anchor]);
    escape(output, text);
    mt_put_string(output, "</text>\n");
}

void mt_svg_text_upward(struct mt_output *output, double x, double y, const char *text)
{
    mt_printf(output,
              "<text transform=\"translate(%.1f %.1f) rotate(-90)\" text-anchor=\"middle\">", x, y);
    escape(output, text);
    mt_put_string(output, "</text>\n");
}

void mt_svg_rect(struct mt_output *output, double x, double y, double width, double height,
                 const char *colour, const char *tip)
{
    mt_printf(output, "<rect x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\" fill=\"%s\"", x,
              y, width, height, colour);
    if (!tip) {
        mt_put_string(output, "/>\n");
        return;
    }
    mt_put_string(output, "><title>");
    escape(output, tip);
    mt_put_string(output, "</title></rect>\n");
}

void mt_svg_line(struct mt_output *output, double x1, double y1, double x2, double y2,
                 const char *style)
{
    mt_printf(output, "<line x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\" style=\"%s\"/>\n", x1,
              y1, x2, y2, style);
}
