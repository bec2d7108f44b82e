/**
 * Draws what a terminal shows as an SVG, in colours for light and dark pages. The picture of the README is made by
 *
 *   tmux new-session -d -s start -x 104 -y 31 "npm start; sleep 60"
 *   tmux capture-pane -pe -S - -t start | node apps/cli/scripts/draw-terminal.ts > docs/images/start.svg
 */
import { text as readAll } from "node:stream/consumers";

const [charWidth, lineHeight, padding, top] = [8.4, 18, 16, 53.5];

/** Colours of a terminal by the numbers that choose them, on a light and on a dark background. */
const palette: Readonly<Record<string, readonly [light: string, dark: string]>> = {
  31: ["#c0392b", "#e06c75"],
  32: ["#3f8f3f", "#98c379"],
  35: ["#a626a4", "#c678dd"],
  36: ["#0b7c8a", "#56b6c2"],
};
const [text, background]: [light: string, dark: string][] = [["#383a42", "#d0d4dc"], ["#fafafa", "#1e2127"]];

interface Style {
  readonly color?: string;
  readonly bold?: boolean;
  readonly dim?: boolean;
}

/** The style that a number of an escape sequence makes of another. */
function changed(style: Style, code: string): Style {
  switch (code) {
    case "":
    case "0":
      return {};
    case "1":
      return { ...style, bold: true };
    case "2":
      return { ...style, dim: true };
    case "22":
      return { ...style, bold: false, dim: false };
    case "39":
      return { ...style, color: undefined };
    default:
      return code in palette ? { ...style, color: code } : style;
  }
}

function spanOf(characters: string, column: number, { color, bold, dim }: Style): string {
  const [, indent, shown] = /^(\s*)(.*?)\s*$/s.exec(characters)!;
  if (shown === "") return "";
  const names = [color && `c${color}`, bold && "bold", dim && "dim"].filter(Boolean).join(" ");
  const x = padding + (column + indent.length) * charWidth;
  const escaped = shown.replaceAll("&", "&amp;").replaceAll("<", "&lt;");
  const classes = names === "" ? "" : ` class="${names}"`;
  return `<tspan x="${x.toFixed(1)}" textLength="${(shown.length * charWidth).toFixed(1)}"${classes}>${escaped}</tspan>`;
}

function draw(capture: string): string {
  let style: Style = {};
  let columns = 0;
  const lines = capture.trimEnd().split("\n").map((line, row) => {
    let column = 0;
    // eslint-disable-next-line no-control-regex
    const spans = line.split(/\u001b\[([\d;]*)m/).map((part, i) => {
      if (i % 2 === 1) {
        style = part.split(";").reduce(changed, style);
        return "";
      }
      // Dots may come from another font, of another width.
      return (part.match(/[\u2800-\u28ff]+|[^\u2800-\u28ff]+/g) ?? []).map((characters) => {
        column += characters.length;
        return spanOf(characters, column - characters.length, style);
      }).join("");
    });
    columns = Math.max(columns, column);
    return `<text y="${top + row * lineHeight}" xml:space="preserve">${spans.join("")}</text>`;
  });
  const [width, height] = [Math.ceil(2 * padding + columns * charWidth), Math.ceil(top + lines.length * lineHeight)];
  const rules = (theme: 0 | 1): string =>
    [
      `text{fill:${text[theme]}}`,
      `.background{fill:${background[theme]}}`,
      ...Object.entries(palette).map(([code, colors]) => `.c${code}{fill:${colors[theme]}}`),
    ].join("");
  const buttons = ["#e06c75", "#e5c07b", "#98c379"].map((fill, i) => `<circle cx="${20 * (i + 1)}" cy="18" r="6" fill="${fill}"/>`);
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" ` +
      `font-family="ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace" font-size="14">`,
    `<style>${rules(0)}.bold{font-weight:bold}.dim{opacity:0.6}@media (prefers-color-scheme:dark){${rules(1)}}</style>`,
    `<rect class="background" width="100%" height="100%" rx="8" stroke="#8884"/>${buttons.join("")}`,
    ...lines,
    "</svg>\n",
  ].join("\n");
}

process.stdout.write(draw(await readAll(process.stdin)));
