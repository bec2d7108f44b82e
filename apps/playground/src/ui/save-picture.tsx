import { words } from "../state/locale.ts";
import { pngOf, svgOf } from "./picture-files.ts";
import "./save-picture.css";

interface SavePictureProps {
  /** What the file is called, without its ending. */
  readonly name: string;
  /** The picture, when it is asked for. */
  readonly of: () => Element | null | undefined;
  /** A canvas is saved as PNG alone. */
  readonly isCanvas?: boolean;
}

/** Saves a picture as it is seen, as SVG or PNG. */
export function SavePicture({ name, of, isCanvas = false }: SavePictureProps) {
  const { save, saveAs } = words.value;
  const button = (kind: "SVG" | "PNG", make: (picture: Element) => Blob | Promise<Blob>) => (
    <button type="button" aria-label={saveAs(kind)} title={saveAs(kind)} onClick={() => void download(`${name}.${kind.toLowerCase()}`, of(), make)}>{kind}</button>
  );
  return (
    <span class="save-picture" role="group" aria-label={save}>
      {!isCanvas && button("SVG", (picture) => svgOf(picture as SVGSVGElement))}
      {button("PNG", pngOf)}
    </span>
  );
}

async function download(name: string, picture: Element | null | undefined, make: (picture: Element) => Blob | Promise<Blob>): Promise<void> {
  if (!picture) return;
  const address = URL.createObjectURL(await make(picture));
  const link = Object.assign(document.createElement("a"), { href: address, download: name });
  link.click();
  // The download has taken it by then.
  setTimeout(() => URL.revokeObjectURL(address), 60_000);
}
