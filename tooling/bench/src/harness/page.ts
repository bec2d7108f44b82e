/** Puts a benchmark's result in the place that a page has for it, or behind the page. */
export function insertSection(page: string, name: string, section: string): string {
  const [begin, end] = [`<!-- bench ${name} -->`, `<!-- end of ${name} -->`];
  const block = `${begin}\n\n${section.trim()}\n\n${end}`;
  const [start, stop] = [page.indexOf(begin), page.indexOf(end)];
  if (start >= 0 && stop > start) return page.slice(0, start) + block + page.slice(stop + end.length);
  return page === "" ? `${block}\n` : `${page.trimEnd()}\n\n${block}\n`;
}
