import { useSignal } from "@preact/signals";
import type { MadeFile } from "../engine/api/made-file.ts";
import { words } from "../state/locale.ts";
import { save } from "../state/saving.ts";
import type { Saving } from "../state/saving.ts";
import { FailureNote } from "./failure-note.tsx";
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
  const { save: label, saveAs } = words.value;
  const saved = useSignal<Saving | undefined>(undefined);
  const button = (kind: "SVG" | "PNG", make: (picture: Element) => Blob | Promise<Blob>) => {
    const download = async (): Promise<void> => {
      const picture = of();
      if (picture) saved.value = await save(made(`${name}.${kind.toLowerCase()}`, picture, make));
    };
    return <button type="button" aria-label={saveAs(kind)} title={saveAs(kind)} onClick={() => void download()}>{kind}</button>;
  };
  return (
    <>
      <span class="save-picture" role="group" aria-label={label}>
        {!isCanvas && button("SVG", (picture) => svgOf(picture as SVGSVGElement))}
        {button("PNG", pngOf)}
      </span>
      {saved.value?.status === "failed" && <FailureNote failure={saved.value.failure} />}
    </>
  );
}

async function made(name: string, picture: Element, make: (picture: Element) => Blob | Promise<Blob>): Promise<MadeFile> {
  return { name, blob: await make(picture) };
}
