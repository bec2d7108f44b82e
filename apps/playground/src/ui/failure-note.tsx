import type { Failure } from "../engine/api/reply.ts";
import { words } from "../state/locale.ts";
import "./failure-note.css";

/** A failure in plain words, with what the engine said. */
export function FailureNote({ failure: { code, message } }: { readonly failure: Failure }) {
  const { errors } = words.value;
  const text = code in errors ? errors[code as keyof typeof errors] : errors.other;
  return (
    <div class="failure" role="alert">
      <p>{text}</p>
      <p class="detail" lang="en">{message}</p>
    </div>
  );
}
