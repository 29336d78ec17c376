// [data-upload]: chosen files are listed with their sizes and can be taken back; choosing again adds. Files dropped or pasted
// onto the surrounding [data-drop] are added too. data-max-bytes marks what is too large before it is sent for nothing.
// In a form[data-draft] what can be sent is handed to the draft at once ("files-added"); it comes back ("files-back") when the desk could not take it.
const PICTURES = new Set(["image/png", "image/jpeg", "image/gif", "image/webp"]);

export function bindUploads(root) {
  for (const box of root.querySelectorAll("[data-upload]")) {
    const upload = new Upload(box);
    const target = box.closest("[data-drop]");
    if (target) acceptDrops(target, upload);
  }
}

class Upload {
  constructor(box) {
    this.box = box;
    this.input = box.querySelector("input[type=file]");
    this.list = box.querySelector("[data-upload-list]");
    this.files = [];
    this.input.addEventListener("change", () => this.add(this.input.files));
    box.addEventListener("files-back", (event) => {
      this.files = [...this.files, ...event.detail];
      this.show();
    });
  }

  add(files) {
    this.files = this.input.multiple ? [...this.files, ...files] : [...files].slice(0, 1);
    this.show();
    const fit = this.files.filter((file) => !this.isTooLarge(file));
    if (!fit.length) return;
    const isFree = this.box.dispatchEvent(new CustomEvent("files-added", { bubbles: true, cancelable: true, detail: fit }));
    if (isFree) return;
    this.files = this.files.filter((file) => this.isTooLarge(file));
    this.show();
  }

  remove(file) {
    this.files = this.files.filter((other) => other !== file);
    this.show();
    this.input.focus();
  }

  show() {
    const carrier = new DataTransfer();
    for (const file of this.files) carrier.items.add(file);
    this.input.files = carrier.files;
    this.list.replaceChildren(...this.files.map((file) => this.line(file)));
    const tooLarge = this.files.find((file) => this.isTooLarge(file));
    this.input.setCustomValidity(tooLarge ? `${tooLarge.name} ${this.box.dataset.tooLarge}` : "");
  }

  isTooLarge(file) {
    return Boolean(this.box.dataset.maxBytes) && file.size > Number(this.box.dataset.maxBytes);
  }

  line(file) {
    const line = element("li", this.isTooLarge(file) ? "file file--wrong" : "file");
    const words = element("span", "file__link");
    words.append(element("span", "file__name", file.name), element("small", "", this.isTooLarge(file) ? this.box.dataset.tooLarge : sizeOf(file.size)));
    const remove = element("button", "file__remove", "×");
    remove.type = "button";
    remove.title = `${this.box.dataset.removeLabel} ${file.name}`;
    remove.setAttribute("aria-label", remove.title);
    remove.addEventListener("click", () => this.remove(file));
    line.append(words, remove);
    return line;
  }
}

function acceptDrops(target, upload) {
  const hasFiles = (transfer) => [...(transfer?.types ?? [])].includes("Files");
  target.addEventListener("dragover", (event) => {
    if (!hasFiles(event.dataTransfer)) return;
    event.preventDefault();
    target.classList.add("is-dropping");
  });
  target.addEventListener("dragleave", () => target.classList.remove("is-dropping"));
  target.addEventListener("drop", (event) => {
    target.classList.remove("is-dropping");
    if (!hasFiles(event.dataTransfer)) return;
    event.preventDefault();
    take(target, upload, event.dataTransfer.files);
  });
  target.addEventListener("paste", (event) => {
    // What is copied from a table or a letter comes with a picture of itself: its words are what is meant.
    if (!event.clipboardData?.files.length || event.clipboardData.getData("text/plain").trim()) return;
    event.preventDefault();
    take(target, upload, event.clipboardData.files);
  });
}

// Pictures go into the text of a form that takes them there, all else below it.
function take(target, upload, files) {
  const area = target.querySelector("[data-pictures]") && target.querySelector("textarea");
  const isPicture = (file) => area && PICTURES.has(file.type) && !upload.isTooLarge(file);
  const pictures = [...files].filter(isPicture);
  const others = [...files].filter((file) => !isPicture(file));
  if (others.length) upload.add(others);
  if (pictures.length) area.dispatchEvent(new CustomEvent("pictures-added", { bubbles: true, detail: pictures }));
}

function element(name, className, text = "") {
  const made = document.createElement(name);
  if (className) made.className = className;
  made.textContent = text;
  return made;
}

function sizeOf(bytes) {
  if (bytes < 1000) return `${bytes} B`;
  return bytes < 1e6 ? `${Math.round(bytes / 1000)} kB` : `${(bytes / 1e6).toFixed(1)} MB`;
}
