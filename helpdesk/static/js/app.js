// The page's extras. Every action works as a plain form without them; each module binds to data- attributes and
// may be called again for a fragment that was put into the page later: `bind(fragment)`.
import { bindAutosize } from "./autosize.js";
import { bindAutosubmit } from "./autosubmit.js";
import { bindBulk } from "./bulk.js";
import { bindChanges } from "./changes.js";
import { bindComplete } from "./complete.js";
import { bindComposer } from "./composer.js";
import { bindCopy } from "./copy.js";
import { bindDrafts } from "./drafts.js";
import { bindDrawers } from "./drawers.js";
import { bindFill } from "./fill.js";
import { bindFlashes } from "./flashes.js";
import { bindMailFrames } from "./mail-frame.js";
import { bindMailTexts } from "./mail-text.js";
import { bindMarkdown } from "./markdown.js";
import { bindMentions } from "./mentions.js";
import { bindOnce } from "./once.js";
import { bindRefresh } from "./refresh.js";
import { bindSearch } from "./search.js";
import { bindSeen } from "./seen.js";
import { bindSending } from "./sending.js";
import { bindTheme } from "./theme.js";
import { bindUploads } from "./uploads.js";

const behaviours = [
  bindAutosize, bindUploads, bindDrafts, bindMarkdown, bindOnce, bindAutosubmit, bindBulk, bindChanges, bindComplete, bindComposer,
  bindCopy, bindSending, bindDrawers, bindFill, bindFlashes, bindMailFrames, bindMailTexts, bindMentions, bindRefresh,
  bindSearch, bindSeen, bindTheme,
];

export function bind(root) {
  for (const behaviour of behaviours) behaviour(root);
}

bind(document);
