"use strict";

// A file of its own, because the page's CSP runs no inline script.
SwaggerUIBundle({
  url: document.currentScript.dataset.openapi,
  domNode: document.getElementById("swagger"),
  deepLinking: true,
  displayRequestDuration: true,
  docExpansion: "none",
  filter: true,
  persistAuthorization: true,
  tryItOutEnabled: true,
  validatorUrl: null,
  withCredentials: true,
  // A page that is signed in by cookies proves itself with the token from its cookie.
  requestInterceptor: (request) => {
    const token = document.cookie.match(/(?:^|; )apex_csrf=([^;]+)/);
    const local = new URL(request.url, location.href).origin === location.origin;
    if (token && local) request.headers["X-CSRF-Token"] = decodeURIComponent(token[1]);
    return request;
  },
});
