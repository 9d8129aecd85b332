"use strict";

// ReDoc fetches a logo from the network, and has no option against it. It names its address twice:
// as an attribute, and as a property so that the image tells when it is loaded.
const isOurs = (address) => new URL(address, location.href).origin === location.origin;
const images = HTMLImageElement.prototype;
const source = Object.getOwnPropertyDescriptor(images, "src");
Object.defineProperty(images, "src", {
  ...source,
  set(address) {
    if (isOurs(address)) source.set.call(this, address);
  },
});
images.setAttribute = function (name, value) {
  if (name !== "src" || isOurs(value)) Element.prototype.setAttribute.call(this, name, value);
};

// A file of its own, because the page's CSP runs no inline script. The fonts are the system's.
Redoc.init(
  document.currentScript.dataset.openapi,
  {
    theme: {
      typography: {
        fontFamily: "system-ui, sans-serif",
        headings: { fontFamily: "system-ui, sans-serif" },
        code: { fontFamily: "ui-monospace, monospace" },
      },
    },
  },
  document.getElementById("redoc"),
);
