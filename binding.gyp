{
  "targets": [
    {
      "target_name": "ringway",
      "conditions": [
        ["OS=='linux'", {
          "sources": [
            "<!@(node -p \"require('fs').readdirSync('native').filter((f) => f.endsWith('.cc')).map((f) => 'native/' + f).join(' ')\")"
          ],
          "include_dirs": ["<!(node -p \"require('node-addon-api').include_dir\")"],
          "defines": [
            "NAPI_VERSION=9",
            "NAPI_DISABLE_CPP_EXCEPTIONS",
            "NODE_ADDON_API_DISABLE_DEPRECATED",
            "_FILE_OFFSET_BITS=64"
          ],
          "cflags_cc": [
            "-std=c++20",
            "-O3",
            "-fno-exceptions",
            "-fno-rtti",
            "-fvisibility=hidden",
            "-Wall",
            "-Wextra",
            "-Werror"
          ],
          "cflags_cc!": ["-std=gnu++14", "-std=gnu++17", "-std=gnu++20", "-Wno-unused-parameter"]
        }, {
          # Frame rings are a Linux thing; elsewhere the core and the simulator work without the addon.
          "type": "none"
        }]
      ]
    }
  ]
}
