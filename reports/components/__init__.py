"""Parts that every page uses: SVG, colours, the ratio axis, columns of answers, tables. No page of its own."""
