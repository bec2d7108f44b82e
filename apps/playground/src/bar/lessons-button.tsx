import { isTaught, leave } from "../state/lessons.ts";
import { words } from "../state/locale.ts";
import { Icon } from "../ui/icon.tsx";

/** Opens and closes the lessons. */
export function LessonsButton() {
  const { label } = words.value.lessons;
  return (
    <button
      type="button" class="bar-button" aria-label={label} title={label} aria-expanded={isTaught.value}
      onClick={() => (isTaught.value ? leave() : (isTaught.value = true))}
    >
      <Icon name="lessons" />
    </button>
  );
}
