import { useRef } from "preact/hooks";
import { count, words } from "../../state/locale.ts";
import { setText, text, textSize } from "../../state/tokens.ts";
import { PassingButton } from "../../ui/passing-button.tsx";
import { examples, exampleNames } from "./examples.ts";

/**
 * Characters that are edited in place. Browsers lay out the whole text of a field, which for a megabyte takes them many seconds: of
 * a longer text the field shows the beginning.
 */
const longestEdited = 20_000;
const beginning = 2_000;

/** The text, and some to try. */
export function Composer() {
  const { tokens } = words.value;
  const field = useRef<HTMLTextAreaElement>(null);
  const whole = text.value;
  const isLong = whole.length > longestEdited;
  return (
    <div class="composer">
      <textarea
        ref={field} dir="auto" rows={3} spellcheck={false} aria-label={tokens.text} readOnly={isLong}
        value={isLong ? `${whole.slice(0, beginning)}…` : whole}
        onInput={({ currentTarget }) => setText(currentTarget.value)}
        onPaste={(event) => takeLong(event, event.clipboardData)}
        onDrop={(event) => takeLong(event, event.dataTransfer)}
      />
      {isLong && (
        <div class="row">
          <span class="soft">{tokens.long(count(whole.length))}</span>
          <PassingButton next={() => field.current} onClick={() => setText("")}>{tokens.clear}</PassingButton>
        </div>
      )}
      <div class="row">
        <span class="soft">{tokens.examples}</span>
        {exampleNames.map((name) => (
          <button key={name} type="button" class="example" onClick={() => setText(examples[name])}>{tokens.exampleNames[name]}</button>
        ))}
        <span class="size soft">{tokens.characters(count(textSize.value.characters))} · {tokens.bytes(count(textSize.value.bytes))}</span>
      </div>
    </div>
  );
}

/** Takes a long text before the field lays it out. */
function takeLong(event: Event & { readonly currentTarget: HTMLTextAreaElement }, data: DataTransfer | null): void {
  const added = data?.getData("text/plain") ?? "";
  if (added.length <= longestEdited) return;
  event.preventDefault();
  const { selectionStart, selectionEnd, readOnly } = event.currentTarget;
  setText(readOnly ? added : text.value.slice(0, selectionStart) + added + text.value.slice(selectionEnd));
}
