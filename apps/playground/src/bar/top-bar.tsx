import { locale, locales, words } from "../state/locale.ts";
import type { Locale } from "../state/locale.ts";
import { screen, screens } from "../state/route.ts";
import { theme, themes } from "../state/theme.ts";
import { Icon } from "../ui/icon.tsx";
import { BackendChip } from "./backend-chip.tsx";
import { LessonsButton } from "./lessons-button.tsx";
import { ModelChip } from "./model-chip.tsx";
import { ShareButton } from "./share-button.tsx";
import "./top-bar.css";

export function TopBar() {
  const { title, screensLabel, screens: names } = words.value;
  return (
    <header class="bar">
      <span class="brand">
        <span class="mark" aria-hidden="true"><i /><i /><i /></span>
        <span class="brand-name">{title}</span>
      </span>
      <nav aria-label={screensLabel}>
        {screens.map((name) => (
          <a key={name} href={`#${name}`} aria-current={name === screen.value ? "page" : undefined}>{names[name]}</a>
        ))}
      </nav>
      <div class="state">
        <ModelChip />
        <BackendChip />
        <LessonsButton />
        <ShareButton />
        <LanguageButton />
        <ThemeButton />
      </div>
    </header>
  );
}

/** What languages call themselves, short. */
const ownNames: Readonly<Record<Locale, string>> = { en: "EN", "zh-CN": "中文" };

/** Shows the language that it leads to. */
function LanguageButton() {
  const next = nextOf(locales, locale.value);
  return (
    <button type="button" class="bar-button" lang={next} aria-label={`${words.value.language}: ${ownNames[next]}`} onClick={() => (locale.value = next)}>
      {ownNames[next]}
    </button>
  );
}

function ThemeButton() {
  const { theme: label, themes: names } = words.value;
  const name = `${label}: ${names[theme.value]}`;
  return (
    <button type="button" class="bar-button" aria-label={name} title={name} onClick={() => (theme.value = nextOf(themes, theme.value))}>
      <Icon name={theme.value} />
    </button>
  );
}

function nextOf<T>(values: readonly T[], value: T): T {
  return values[(values.indexOf(value) + 1) % values.length];
}
