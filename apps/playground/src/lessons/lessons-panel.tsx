import { useEffect, useRef } from "preact/hooks";
import { count, words } from "../state/locale.ts";
import { goTo, isTaught, leave, place } from "../state/lessons.ts";
import type { Place } from "../state/lessons.ts";
import { Icon } from "../ui/icon.tsx";
import { lessonNames, stepsOf } from "./lessons.ts";
import { ScaleFigure } from "./scale-figure.tsx";
import "./lessons-panel.css";

/** Lessons beside the screens, which they set. */
export function LessonsPanel() {
  const { lessons, close } = words.value;
  const heading = useRef<HTMLHeadingElement>(null);
  const at = place.value;
  // What was pressed is gone where a lesson begins or ends; a reader goes on at the heading.
  useEffect(() => {
    if (isTaught.value) heading.current?.focus({ preventScroll: true });
  }, [isTaught.value, at?.lesson]);
  if (!isTaught.value) return null;
  return (
    <aside class="lessons" aria-labelledby="lessons-heading">
      <header>
        <h2 id="lessons-heading" ref={heading} tabIndex={-1}>{at ? lessons.names[at.lesson] : lessons.label}</h2>
        <button type="button" class="bar-button" aria-label={close} title={close} onClick={leavePanel}><Icon name="close" /></button>
      </header>
      {at ? <Lesson {...at} /> : <List />}
    </aside>
  );
}

/** What was pressed is gone then; a reader goes on at the screen. */
function leavePanel(): void {
  leave();
  document.getElementById("content")?.focus({ preventScroll: true });
}

function List() {
  const { lessons } = words.value;
  return (
    <ol class="lesson-list">
      {lessonNames.map((name) => (
        <li key={name}>
          <button type="button" onClick={() => goTo(name, 0)}>
            <b>{lessons.names[name]}</b>
            <span class="soft">{lessons.abouts[name]}</span>
          </button>
        </li>
      ))}
    </ol>
  );
}

function Lesson({ lesson, step }: Place) {
  const { lessons } = words.value;
  const steps = stepsOf(lesson);
  const { text, task } = lessons.steps[lesson][step];
  const following = lessonNames[lessonNames.indexOf(lesson) + 1];
  return (
    <>
      <div aria-live="polite">
        {text.map((each) => <p key={each}>{each}</p>)}
        {steps[step].figure === "scale" && <ScaleFigure />}
        <p class="task"><b>{lessons.task}</b> {task}</p>
      </div>
      <footer>
        <button type="button" class="plain-button" onClick={() => (step > 0 ? goTo(lesson, step - 1) : (place.value = undefined))}>{step > 0 ? lessons.back : lessons.all}</button>
        <span class="soft">{lessons.step(count(step + 1), count(steps.length))}</span>
        {step + 1 < steps.length ? (
          <button type="button" class="main-button" onClick={() => goTo(lesson, step + 1)}>{lessons.next}</button>
        ) : following ? (
          <button type="button" class="main-button" onClick={() => goTo(following, 0)}>{lessons.nextLesson}</button>
        ) : (
          <button type="button" class="main-button" onClick={leavePanel}>{lessons.end}</button>
        )}
      </footer>
    </>
  );
}
