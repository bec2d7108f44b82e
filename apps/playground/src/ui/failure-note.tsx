import type { Failure } from "../engine/api/reply.ts";
import { words } from "../state/locale.ts";
import "./failure-note.css";

interface FailureNoteProps {
  readonly failure: Failure;
  /** What codes mean here, `other` of any other. Default: what they mean everywhere. */
  readonly texts?: Readonly<Record<string, string>> & { readonly other: string };
}

/** A failure in plain words, with what the engine said. */
export function FailureNote({ failure: { code, message }, texts = words.value.errors }: FailureNoteProps) {
  return (
    <div class="failure" role="alert">
      <p>{Object.hasOwn(texts, code) ? texts[code] : texts.other}</p>
      <p class="detail" lang="en">{message}</p>
    </div>
  );
}
