/** What of an element's style is part of the picture: all of it is inherited. */
const drawn = [
  "fill", "fill-opacity", "stroke", "stroke-opacity", "stroke-width", "stroke-linecap", "stroke-dasharray",
  "font-family", "font-size", "font-weight", "text-anchor", "dominant-baseline",
] as const;
/** Pixels of a PNG for one of the page. */
const sharpness = 2;

/** An SVG that looks the same anywhere: with the page's styles in its elements, on the page's ground. */
export function svgOf(picture: SVGSVGElement): Blob {
  const { width, height } = sizeOf(picture);
  const copy = picture.cloneNode(true) as SVGSVGElement;
  const [originals, copies] = [picture, copy].map((root) => [root, ...root.querySelectorAll<SVGElement>("*")]);
  originals.forEach((original, i) => {
    const own = getComputedStyle(original);
    const outer = original === picture ? undefined : getComputedStyle(original.parentElement!);
    for (const name of ["style", "class", "tabindex"]) copies[i].removeAttribute(name);
    for (const name of drawn) {
      const value = own.getPropertyValue(name);
      if (value !== outer?.getPropertyValue(name)) copies[i].setAttribute(name, name === "fill" || name === "stroke" ? plainColor(value) : value);
      // What the page's styles overrule is not there any more.
      else copies[i].removeAttribute(name);
    }
  });
  const ground = document.createElementNS(copy.namespaceURI, "rect");
  for (const [name, value] of Object.entries({ width: "100%", height: "100%", fill: groundOf(picture) })) ground.setAttribute(name, value);
  copy.prepend(ground);
  copy.setAttribute("xmlns", "http://www.w3.org/2000/svg");
  for (const [name, value] of Object.entries({ width, height })) copy.setAttribute(name, String(value));
  return new Blob([new XMLSerializer().serializeToString(copy)], { type: "image/svg+xml" });
}

/** A PNG of an SVG, or of a canvas. */
export async function pngOf(picture: Element): Promise<Blob> {
  const isCanvas = picture instanceof HTMLCanvasElement;
  const { width, height } = isCanvas ? picture : sizeOf(picture);
  const scale = isCanvas ? 1 : sharpness;
  const canvas = Object.assign(document.createElement("canvas"), { width: width * scale, height: height * scale });
  const context = canvas.getContext("2d")!;
  context.fillStyle = groundOf(picture);
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.drawImage(isCanvas ? picture : await imageOf(svgOf(picture as SVGSVGElement)), 0, 0, canvas.width, canvas.height);
  return new Promise((resolve, reject) => canvas.toBlob((blob) => (blob ? resolve(blob) : reject(new Error("the canvas is too large"))), "image/png"));
}

async function imageOf(svg: Blob): Promise<HTMLImageElement> {
  const image = new Image();
  image.src = URL.createObjectURL(svg);
  try {
    await image.decode();
    return image;
  } finally {
    URL.revokeObjectURL(image.src);
  }
}

/** Its whole size, in pixels of the page. */
function sizeOf(picture: Element): { readonly width: number; readonly height: number } {
  const { width, height } = picture.getBoundingClientRect();
  return { width: Math.ceil(width), height: Math.ceil(height) };
}

/** What is behind a picture. */
function groundOf(picture: Element): string {
  for (let element: Element | null = picture; element; element = element.parentElement) {
    const { backgroundColor } = getComputedStyle(element);
    if (!/^(transparent|rgba\(0, 0, 0, 0\))$/.test(backgroundColor)) return plainColor(backgroundColor);
  }
  return "#fff";
}

const pixel = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true })!;
const plainColors = new Map<string, string>();

/** A colour as every program knows it, whatever way CSS wrote it. */
function plainColor(color: string): string {
  if (!color.includes("(") || color.startsWith("rgb") || color.startsWith("url")) return color;
  const known = plainColors.get(color);
  if (known) return known;
  pixel.clearRect(0, 0, 1, 1);
  pixel.fillStyle = color;
  pixel.fillRect(0, 0, 1, 1);
  const [red, green, blue, alpha] = pixel.getImageData(0, 0, 1, 1).data;
  const plain = `rgba(${red}, ${green}, ${blue}, ${(alpha / 255).toFixed(3)})`;
  plainColors.set(color, plain);
  return plain;
}
