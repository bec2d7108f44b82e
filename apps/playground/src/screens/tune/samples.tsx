import type { TuningSample } from "../../engine/api/tuning.ts";
import { count, words } from "../../state/locale.ts";

/** The first examples as the model reads them: what it learns in colour and underlined, the rest soft. */
export function Samples({ samples }: { readonly samples: readonly TuningSample[] }) {
  const { tune } = words.value;
  return (
    <div class="samples">
      <header class="row">
        <h3>{tune.samples}</h3>
        <span class="legend"><mark>{tune.learnt}</mark> <span class="soft">{tune.read}</span></span>
      </header>
      {samples.map(({ parts, tokens, label }, i) => (
        <div key={i} class="sample">
          <p dir="auto">
            {parts.map(({ text, learnt }, j) => (learnt ? <mark key={j}>{text}</mark> : <span key={j}>{text}</span>))}
            {label !== undefined && <> → <mark title={tune.isLabel}>{label}</mark></>}
          </p>
          <p class="soft">{tune.tokens(count(tokens))}</p>
        </div>
      ))}
    </div>
  );
}
