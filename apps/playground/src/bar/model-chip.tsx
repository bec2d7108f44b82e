import { showModels } from "../models/models-dialog.tsx";
import { model, modelSource } from "../state/engine.ts";
import { percent, short, words } from "../state/locale.ts";
import { nameOf, opening } from "../state/models.ts";
import { Chip } from "../ui/popover.tsx";

/** The open model, or how far another is. */
export function ModelChip() {
  const { label, failed } = words.value.model;
  const { status, ...state } = model.value;
  const next = opening.value;
  const progress = next?.stage === "reading" && next.totalBytes > 0 ? percent(next.bytes / next.totalBytes) : undefined;
  const parameters = "value" in state ? short(state.value.parameters) : undefined;
  return (
    <Chip
      label={label} status={next?.stage === "reading" ? "loading" : status} summary={status === "failed" ? failed : nameOf(modelSource.value)}
      detail={progress ?? parameters} onClick={showModels}
    />
  );
}
