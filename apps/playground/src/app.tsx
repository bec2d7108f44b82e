import { useLayoutEffect, useRef } from "preact/hooks";
import { TopBar } from "./bar/top-bar.tsx";
import { LessonsPanel } from "./lessons/lessons-panel.tsx";
import { ModelDrop } from "./models/model-drop.tsx";
import { ModelsDialog } from "./models/models-dialog.tsx";
import { InsideScreen } from "./screens/inside/inside-screen.tsx";
import { TokensScreen } from "./screens/tokens/tokens-screen.tsx";
import { TrainScreen } from "./screens/train/train-screen.tsx";
import { TuneScreen } from "./screens/tune/tune-screen.tsx";
import { WriteScreen } from "./screens/write/write-screen.tsx";
import { announcement } from "./state/announce.ts";
import { words } from "./state/locale.ts";
import { screen } from "./state/route.ts";
import type { Screen } from "./state/route.ts";
import "./app.css";

const views: Record<Screen, () => preact.JSX.Element> = { tokens: TokensScreen, inside: InsideScreen, train: TrainScreen, write: WriteScreen, tune: TuneScreen };

export function App() {
  const View = views[screen.value];
  useFromItsTop(screen.value);
  return (
    <>
      <a class="skip" href="#content">{words.value.skip}</a>
      <TopBar />
      <main id="content" tabIndex={-1}>
        <View />
      </main>
      <LessonsPanel />
      <ModelsDialog />
      <ModelDrop />
      <div class="visually-hidden" role="status">{announcement.value}</div>
    </>
  );
}

/** A screen that takes the place of another is seen from its top. Where the page is loaded again, the browser knows better. */
function useFromItsTop(screen: Screen): void {
  const last = useRef(screen);
  useLayoutEffect(() => {
    if (last.current !== screen) scrollTo(0, 0);
    last.current = screen;
  }, [screen]);
}
