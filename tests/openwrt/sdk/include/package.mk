all: prepare

define BuildPackage
  $(eval $(Package/$(1)))
  $(foreach field,SECTION CATEGORY TITLE DEPENDS,$(if $($(field)),,$(error $(1) has no $(field))))
  $(if $(strip $(Package/$(1)/description)),,$(error $(1) has no description))
  $(if $(strip $(PKG_VERSION)),,$(error there is no version))
all: install-$(1)
install-$(1):
$(call Package/$(1)/install,$(SDK_OUT)/root)
endef

prepare:
	$(Build/Prepare)
