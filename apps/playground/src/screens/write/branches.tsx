import { words } from "../../state/locale.ts";
import { branches, currentBranch, goTo, isWriting } from "../../state/write.ts";
import type { Branch } from "../../state/write.ts";
import { readable } from "../../ui/readable.ts";

/** Tokens of a branch that its name has. */
const named = 14;

/** The texts that were written so far, where there are several. */
export function Branches() {
  const { write } = words.value;
  if (branches.value.length < 2) return null;
  return (
    <fieldset class="branches" disabled={isWriting.value}>
      <legend>{write.branches}</legend>
      {branches.value.map((branch, index) => (
        <label key={index}>
          <input type="radio" name="branch" checked={index === currentBranch.value} onChange={() => goTo(index)} />
          <span>{nameOf(branch)}</span>
        </label>
      ))}
    </fieldset>
  );
}

/** Where it begins to be another. */
function nameOf({ tokens, from }: Branch): string {
  const start = Math.max(0, from - 2);
  return `${start > 0 ? "…" : ""}${readable(tokens.slice(start, start + named))}${tokens.length > start + named ? "…" : ""}`;
}
